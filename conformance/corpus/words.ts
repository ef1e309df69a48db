/**
 * Four-letter words that are one token each, with their leading space, in every vocabulary of `vocabularies.ts`. So a run of n words is n tokens, 5n characters and 5n bytes.
 */
export const CORPUS_WORDS: readonly string[] = `
  able acid acts adds aged also amid anti apps arch area arms army arts asks atom auto away axis baby back bald
  ball band bank bare bars base bass bath beam bean bear beat been bell bent best beta bias bill bind bird bits
  blob blog blow blue boat body bold bond book boot bore born both boys brow buff bugs bulk bush busy byte call
  calm came camp caps card care cars cart case cast cave cell chap chat chef chip city clip club clue coat code
  coin cold come cone cook cool copy cord core corn cost crew crow curl dark dash data date dawn days deal dear
  deck deep dent dice dire disk dock does dogs done door dove down drag draw drew drop drum dual dump dust duty
  each ears ease east easy edge edit eggs else ends even ever exit eyes fact fail fair fake fall fame fans farm
  fast fate fear feed feel feet fell felt file fill film find fine fire firm fish fits five flag flat flow folk
  fond font food foot fork form fort four free from fuel full fund gain game gang gate gave gets gift give glad
  goal goes gold golf gone good grab gram gray grew grey grid grow hack hair half hall halt hand hang hard hash
  have head heap hear heat held help here hero hers hide high hill hint hits hold hole holy home hook hope horn
  host hour huge hung icon idea idle into iron item jack jazz jobs join jump just keen keep kept keys kick kind
  king knew know lack lady laid lake lamp land last late laws lazy lead leaf leak lean left legs less lets life
  lift like line lips list live load loan lock logo logs long look loop lord lose loss lost lots loud love luck
  made mail main make male many maps mark mars mask mass mate math mean meat meet menu mere mesh mile milk mill
  mind mine mini mint miss mist mode moon more most move much must myth name near neat neck need nest news next
  nice nick nine node none norm nose note null okay once ones only onto open over pace pack page paid pair pale
  park part pass past path pays peak peer pens pick pint pipe pity plan play plot plug plus poem poet pole poll
  pool poor port pose pour prep pull pure push puts quad quit race rail rain rang rank rare rate read real rear
  rely rent rest rice rich ride ring rise risk road rock role roof room root rose rows rule runs rust safe said
  sail sake sale salt same sand sang save scan scar seat sect seed seek seem seen sees self sell semi send sent
  sets shed ship shop show shut side sign sing sink site size skin skip slot slow snap snow soap soft soil sold
  sole solo some song sons soon sort soul soup span spin spot star stay stem step stir such suit sure swap tack
  tags tail take tale talk tall tank task team tell temp tend tens tent term test text than that them then they
  thin this thus tick tied tile till time tiny tips told tone tons took tool torn toss tour town tram trap tree
  trim trip true turn type unit upon used user uses vain vary vast vent verb very vest view volt vote wait walk
  wall wand want warm warn wave ways weak wear well went were west what when whom wide wife wild will wind wine
  wing wins wire wise wish with wood word wore work worn wrap yard yeah year your zero zone
`
  .trim()
  .split(/\s+/);

/** HTML from text: everything that came from outside is escaped on its way in. */

/** A piece of finished HTML, told apart from text by its type. */
export class Html {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

type Piece = string | number | Html | readonly Html[] | undefined;

/** Tag for templates: strings and numbers are escaped, `Html` is not, lists are joined, undefined is nothing. */
export function html(parts: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  return new Html(String.raw({ raw: parts }, ...pieces.map(rendered)));
}

function rendered(piece: Piece): string {
  if (piece === undefined) return "";
  if (piece instanceof Html) return piece.source;
  if (typeof piece === "object") return piece.map(({ source }) => source).join("");
  return String(piece)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

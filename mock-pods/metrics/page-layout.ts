/**
 * A metrics page as a template: constant text with numbered slots between. The layout is made once per configuration and
 * shared; a pod owns only the numbers, so a thousand pods cost a thousand small arrays and a scrape is one concatenation.
 */
import { familyHead, formatValue, seriesName } from "../../fixtures/wire/prometheus-text.ts";
import { tokenLadder, type FamilySpec } from "./families.ts";

export interface LayoutLabels {
  readonly engine: string;
  readonly model_name: string;
}

/** Where one histogram lives: cumulative buckets from `at` (the last is +Inf), then count, then sum. */
export interface HistogramSlots {
  readonly at: number;
  readonly bounds: readonly number[];
}

/** Slot 0 holds the creation time of all series. */
const CREATED_SLOT = 0;

/** Where what a version does not show is counted: as long as a histogram without bounds. */
const NOWHERE: HistogramSlots = { at: 1, bounds: [] };
const FIRST_SLOT = 4;

export class PageLayout {
  readonly #texts: string[] = [];
  readonly #slots: number[] = [];
  readonly #histograms = new Map<string, HistogramSlots>();
  readonly #series = new Map<string, number>();
  #pendingText = "";
  readonly #withCreated: boolean;
  #size = FIRST_SLOT;

  constructor(families: readonly FamilySpec[], labels: LayoutLabels, maxModelLenTokens: number, withCreated = true) {
    this.#withCreated = withCreated;
    for (const family of families) this.#add(family, labels, maxModelLenTokens);
  }

  /** A pod's numbers: all zero, created at this unix time. */
  values(createdSeconds: number): Float64Array {
    const values = new Float64Array(this.#size);
    values[CREATED_SLOT] = createdSeconds;
    return values;
  }

  /** The slot of a counter or gauge, one that is never shown if the page lacks it; `label` is the value of its extra label. */
  slot(name: string, label = ""): number {
    return this.#series.get(`${name}|${label}`) ?? NOWHERE.at;
  }

  histogram(name: string): HistogramSlots {
    return this.#histograms.get(name) ?? NOWHERE;
  }

  render(values: Float64Array): string {
    let page = "";
    // Half of all numbers are zero or the time of creation.
    const created = formatValue(values[CREATED_SLOT] as number);
    for (let index = 0; index < this.#slots.length; index++) {
      const slot = this.#slots[index] as number;
      const value = values[slot] as number;
      page += this.#texts[index] as string;
      page += value === 0 ? "0.0" : slot === CREATED_SLOT ? created : formatValue(value);
    }
    return page + this.#pendingText;
  }

  #add(family: FamilySpec, { engine, model_name }: LayoutLabels, maxModelLenTokens: number): void {
    const base = { none: {}, model: { model_name }, engine: { engine, model_name } }[family.base];
    const series = (family.series ?? [{}]).map((extra) => ({ ...base, ...extra }));
    const meaning = family.shows ?? family.name;
    this.#pendingText += familyHead(family.name, family.type, family.help);
    if (family.type === "histogram") {
      const bounds = family.buckets === "token-ladder" ? tokenLadder(maxModelLenTokens) : (family.buckets ?? []);
      this.#histograms.set(meaning, { at: this.#size, bounds });
      for (const bound of [...bounds, Infinity]) {
        this.#line(seriesName(`${family.name}_bucket`, { ...base, le: formatValue(bound) }), this.#size++);
      }
      this.#line(seriesName(`${family.name}_count`, base), this.#size++);
      this.#line(seriesName(`${family.name}_sum`, base), this.#size++);
    } else {
      for (const [index, labels] of series.entries()) {
        const label = Object.values(family.series?.[index] ?? {}).join(",");
        const slot = this.#series.get(`${meaning}|${label}`) ?? this.#size++;
        this.#series.set(`${meaning}|${label}`, slot);
        this.#line(seriesName(family.name, labels), slot);
      }
    }
    if (!this.#withCreated) return;
    // The collectors of process and interpreter, whose counters carry no model, make no creation gauges.
    if (family.type === "gauge" || (family.type === "counter" && family.base === "none")) return;
    const created = createdName(family.name, family.type);
    this.#pendingText += familyHead(created, "gauge", family.help);
    for (const labels of series) this.#line(seriesName(created, labels), CREATED_SLOT);
  }

  #line(name: string, slot: number): void {
    this.#texts.push(`${this.#pendingText}${name} `);
    this.#slots.push(slot);
    this.#pendingText = "\n";
  }
}

/** Adds so many observations of the same value. */
export function observe(values: Float64Array, { at, bounds }: HistogramSlots, observed: number, times = 1): void {
  const buckets = bounds.length;
  for (let index = buckets; index >= 0; index--) {
    if (index < buckets && observed > (bounds[index] as number)) break;
    (values[at + index] as number) += times;
  }
  (values[at + buckets + 1] as number) += times;
  // Not their product, which is rounded otherwise.
  for (let time = 0; time < times; time++) (values[at + buckets + 2] as number) += observed;
}

/** `prometheus_client` names the creation gauge of `x_total` `x_created`. */
export function createdName(name: string, type: "counter" | "histogram" | "summary"): string {
  return type === "counter" ? name.replace(/_total$/, "_created") : `${name}_created`;
}

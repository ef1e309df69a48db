/** Wrong in what is made of pods' KV events. */
import { BlockIndex, type RemovedEvent, type StoredEvent } from "../block-index.ts";
import { GoesByKvEvents } from "../kv-events-proxy.ts";
import { type Feed, ReportedBlocks } from "../reported-blocks.ts";
import type { ProxyParts } from "../right-proxy.ts";

/** What pods report stored is not taken note of. */
export class IgnoresStoredBlocks extends GoesByKvEvents {
  constructor(parts: ProxyParts) {
    super(
      parts,
      new ReportedBlocks(
        class extends BlockIndex {
          protected override store(): void {}
        },
      ),
    );
  }
}

/** That a pod's cache was cleared is not taken note of. */
export class IgnoresClearedBlocks extends GoesByKvEvents {
  constructor(parts: ProxyParts) {
    super(
      parts,
      new ReportedBlocks(
        class extends BlockIndex {
          protected override clear(): void {}
        },
      ),
    );
  }
}

/** That a pod's blocks were evicted is not taken note of. */
export class IgnoresRemovedBlocks extends GoesByKvEvents {
  constructor(parts: ProxyParts) {
    super(
      parts,
      new ReportedBlocks(
        class extends BlockIndex {
          protected override remove(): void {}
        },
      ),
    );
  }
}

/** A batch of events that comes twice must be undone twice. */
export class CountsBlocksTwice extends GoesByKvEvents {
  constructor(parts: ProxyParts) {
    super(parts, new TakesRepeats(CountingIndex));
  }
}

class TakesRepeats extends ReportedBlocks {
  protected override isNews(): boolean {
    return true;
  }
}

class CountingIndex extends BlockIndex {
  readonly #times = new Map<string, number>();

  protected override store(event: StoredEvent): void {
    super.store(event);
    for (const hash of event.block_hashes.map(String)) this.#times.set(hash, (this.#times.get(hash) ?? 0) + 1);
  }

  protected override remove({ type, block_hashes }: RemovedEvent): void {
    const gone = block_hashes.filter((each) => {
      const times = (this.#times.get(String(each)) ?? 1) - 1;
      this.#times.set(String(each), times);
      return times === 0;
    });
    super.remove({ type, block_hashes: gone });
  }
}

/** A batch of events that comes after a later one is thrown away. */
export class DropsLateEvents extends GoesByKvEvents {
  constructor(parts: ProxyParts) {
    super(
      parts,
      new (class extends ReportedBlocks {
        protected override async missed(): Promise<void> {}

        protected override isNews({ seen }: Feed, sequence: number): boolean {
          return sequence > Math.max(-1, ...seen);
        }
      })(),
    );
  }
}

/** Batches of events that were lost on the way are not asked for again. */
export class NeverReplays extends GoesByKvEvents {
  constructor(parts: ProxyParts) {
    super(
      parts,
      new (class extends ReportedBlocks {
        protected override async missed(): Promise<void> {}
      })(),
    );
  }
}

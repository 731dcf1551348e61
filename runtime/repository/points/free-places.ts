import type { Storage } from '../../storage/storage';

/** How many keys are looked at in one go: a page of S3. */
const KEYS = 1000;
/** Milliseconds after which a listing is too old to rely on: another writer may have come. */
const VALID_FOR = 5000;

interface Listing {
  /** It says which places after this one, and up to `until`, are taken. */
  readonly from: string;
  /** Undefined: up to the last. */
  readonly until: string | undefined;
  readonly taken: ReadonlySet<string>;
  readonly at: number;
}

/**
 * Which places of blocks are free, by listing many at once: a first backup would ask for each apart. Places come about in the order of their
 * names. A listing is soon too old, so what it says is only worth not having to ask; whoever stores still creates only what is absent.
 */
export class FreePlaces {
  private readonly listings = new Map<string, Promise<Listing>>();

  constructor(private readonly storage: Storage) {}

  /**
   * @param place - the folder of a block, such as `blocks/team-a/<block ID>`
   * @param since - no older listing counts: where a server copies over what is there, another writer that came after it copied the same bytes
   */
  async isFree(place: string, since = 0): Promise<boolean> {
    const parent = place.slice(0, place.lastIndexOf('/') + 1);
    const known = await this.listings.get(parent);
    if (known && tellsOf(known, place, since)) return !known.taken.has(place);
    // Who waited for the same listing finds what another one asked for meanwhile.
    const newer = this.listings.get(parent);
    const listing = newer && (await newer) !== known ? await newer : await this.listFrom(parent, place);
    return tellsOf(listing, place, since) && !listing.taken.has(place);
  }

  private listFrom(parent: string, place: string): Promise<Listing> {
    const listing = this.list(parent, place);
    this.listings.set(parent, listing);
    return listing;
  }

  private async list(parent: string, from: string): Promise<Listing> {
    const at = performance.now();
    const taken = new Set<string>();
    let keys = 0;
    for await (const { key } of this.storage.list(parent, from)) {
      const place = key.slice(0, key.indexOf('/', parent.length));
      if (++keys > KEYS) return { from, until: place, taken, at };
      taken.add(place);
    }
    return { from, until: undefined, taken, at };
  }
}

function tellsOf({ from, until, at }: Listing, place: string, since: number): boolean {
  return at >= since && place >= from && (until === undefined || place < until) && performance.now() - at < VALID_FOR;
}

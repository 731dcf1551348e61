/** Requests to the repository's storage by kind, such as `{ put: 12, get: 1 }`. */
export type Requests = Readonly<Record<string, number>>;

/** Seconds by phase; `total` is the whole run. */
export type Seconds = Readonly<Record<string, number>>;

/** What every command tells of its own costs. */
export interface Receipt {
  /** Requests to the repository's storage by kind, retries included. */
  readonly requests: Requests;
  /** Seconds by phase. */
  readonly seconds: Seconds;
}

import { randomUUID } from 'node:crypto';

/** A version of an object, or a delete marker. */
export interface StoredVersion {
  readonly key: string;
  readonly id: string;
  readonly modifiedAt: Date;
  /** Undefined: a delete marker. */
  readonly bytes: Buffer | undefined;
}

/** All that ever lay under each key, newest last. */
export class VersionStore {
  readonly versions = new Map<string, StoredVersion[]>();

  add(key: string, bytes: Buffer | undefined, modifiedAt: Date): string {
    const id = randomUUID();
    this.versions.set(key, [...(this.versions.get(key) ?? []), { key, id, bytes, modifiedAt }]);
    return id;
  }

  find(key: string, id: string): StoredVersion | undefined {
    return this.versions.get(key)?.find((version) => version.id === id);
  }

  /** As a listing shows them: by key, newest first. */
  list(prefix: string): (StoredVersion & { readonly isLatest: boolean })[] {
    const keys = [...this.versions.keys()].filter((key) => key.startsWith(prefix));
    keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return keys.flatMap((key) =>
      (this.versions.get(key) ?? []).toReversed().map((version, index) => ({ ...version, isLatest: index === 0 })),
    );
  }
}

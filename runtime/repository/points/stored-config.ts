import { bytesInMemory } from '../../storage/storage';
import { createHash } from 'node:crypto';
import type { ConfigFile } from '../../../lib/contract/manifest';
import { configKey } from '../../../lib/contract/repository-layout';
import { StorageError } from '../../errors';
import { digestOf } from '../../streams/digest';
import type { Placement } from './placement';
import type { PreviousPoint } from './previous-point';

/** A part of the configuration with its bytes. */
export interface ConfigToStore extends Pick<ConfigFile, 'name' | 'kind' | 'object' | 'encryption'> {
  readonly bytes: Buffer;
}

/** The configuration of a new point: content-addressed, so what is the same as before is neither sent nor asked for. */
export class StoredConfig {
  readonly files: ConfigFile[] = [];

  constructor(
    private readonly previous: PreviousPoint,
    private readonly placement: Placement,
    private readonly salt: string,
  ) {}

  /** Bytes that are stored already are stored once. */
  async store({ bytes, ...file }: ConfigToStore): Promise<void> {
    const sha256 = digestOf(bytes);
    const { kind } = file;
    const salted = createHash('sha256').update(this.salt).digest('hex').slice(0, 12);
    const keys = [configKey(sha256, kind), configKey(sha256, `${salted}.${kind}`)];
    const named = keys.find((key) => this.previous.named(key) ?? this.files.find((stored) => stored.key === key));
    const key = named ?? (await this.firstFree(keys, bytes));
    this.files.push({ ...file, key, size: bytes.length, sha256 });
  }

  /** What the newest point has of this name and is sound. */
  known(name: string): ConfigFile | undefined {
    const found = this.previous.manifest?.config.find((file) => file.name === name);
    return found && this.previous.named(found.key) ? found : undefined;
  }

  /** Takes a part of the newest point as it is. */
  keep(known: ConfigFile): void {
    this.files.push(known);
  }

  private async firstFree(keys: readonly string[], bytes: Buffer): Promise<string> {
    for (const key of keys) {
      if (this.previous.damage.has(key)) continue;
      if (await this.placement.place(key, bytesInMemory(bytes))) return key;
    }
    throw new StorageError(`store '${keys[0] ?? ''}': its places are taken by other bytes; run the backup again`);
  }
}

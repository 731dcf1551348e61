import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newMeta, META } from './block-folder';
import { parquetBytes, type StoredTrace } from './parquet-file';

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** The WAL block of a tenant that pages are added to. */
export class WalHead {
  readonly folder: string;
  readonly traces: StoredTrace[] = [];
  readonly since = Date.now();
  private pages = 1;

  /** A new one is an open page of 0 bytes, without meta.json. */
  constructor(
    walPath: string,
    readonly tenant: string,
    readonly id: string,
  ) {
    this.folder = join(walPath, `${id}+${tenant}+vParquet4`);
    mkdirSync(this.folder, { recursive: true, mode: FOLDER_MODE });
    this.openPage();
  }

  /** Writes meta.json in place, closes the open page with these traces, and opens the next. */
  cut(traces: readonly StoredTrace[]): void {
    this.traces.push(...traces);
    writeFileSync(join(this.folder, META), JSON.stringify(newMeta(this.tenant, this.id, this.traces.length)), {
      mode: FILE_MODE,
    });
    writeFileSync(this.page(), parquetBytes(traces), { mode: FILE_MODE });
    this.pages++;
    this.openPage();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private page(): string {
    return join(this.folder, String(this.pages).padStart(10, '0'));
  }

  private openPage(): void {
    writeFileSync(this.page(), '', { mode: FILE_MODE });
  }
}

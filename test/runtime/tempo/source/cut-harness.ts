import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cut, type CutOptions, takeCut } from '../../../../runtime/tempo/source/cut';
import { TempoSource } from '../../../../runtime/tempo/source/tempo-source';
import { blockFiles, type BlockFiles, readFakeParquet, writeOld } from '../../../helpers/tempo-tree';
import { MemorySink } from './memory-sink';
import { ScriptedDisk } from './scripted-disk';

/** A data directory of a Tempo, new for each test, and what a cut of it stores. */
export class CutHarness {
  readonly root = mkdtempSync(join(tmpdir(), 'tempo-cut-'));
  readonly traces = join(this.root, 'traces');
  readonly wal = join(this.root, 'wal');
  readonly local = join(this.wal, 'blocks');
  readonly disk = new ScriptedDisk();
  sink = new MemorySink();
  private rewrites = 0;

  constructor() {
    for (const folder of [this.traces, this.local]) mkdirSync(folder, { recursive: true });
  }

  remove(): void {
    rmSync(this.root, { recursive: true });
  }

  cut(options: Partial<CutOptions> = {}): Promise<Cut> {
    const source = TempoSource.open({ path: this.traces, walPath: this.wal }, this.disk);
    return takeCut(source, this.sink, { signal: new AbortController().signal, concurrency: 1, ...options });
  }

  pathOf(block: BlockFiles, name: string, folder = this.traces): string {
    return join(folder, 'team-a', block.id, name);
  }

  compact(block: BlockFiles): void {
    renameSync(this.pathOf(block, 'meta.json'), this.pathOf(block, 'meta.compacted.json'));
  }

  /** As Tempo does after a crash, with bytes of another version. */
  writeAgain(block: BlockFiles, version: string): void {
    const { files } = blockFiles('team-a', { id: block.id, traceIds: block.traceIds, version });
    const age = 1800_000 - this.rewrites++ * 1000;
    for (const [name, bytes] of files) writeOld(this.pathOf(block, name), bytes, age);
  }

  storedVersion(block: BlockFiles): string {
    const data = this.sink.blocks.get(`team-a/${block.id}`)?.files.get('data.parquet');
    return readFakeParquet(data ?? Buffer.alloc(0)).version;
  }

  openFiles(): string[] {
    return readdirSync('/proc/self/fd')
      .flatMap(targetOf)
      .filter((path) => path.startsWith(this.root));
  }
}

export function liveIds(cut: Cut, tenant = 'team-a'): string[] {
  return [...(cut.tenants.get(tenant)?.live.keys() ?? [])].sort();
}

function targetOf(fd: string): string[] {
  try {
    return [readlinkSync(`/proc/self/fd/${fd}`)];
  } catch (error) {
    // The descriptor of the listing itself is closed by now.
    if ((error as { code?: unknown }).code === 'ENOENT') return [];
    throw error;
  }
}

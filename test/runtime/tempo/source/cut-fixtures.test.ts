import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cut, takeCut } from '../../../../runtime/tempo/source/cut';
import { readTraceIds } from '../../../../runtime/tempo/block/parquet';
import { TempoSource } from '../../../../runtime/tempo/source/tempo-source';
import { copyFixture, type FixtureName, pushedTraceIds } from '../../../helpers/tempo-tree';
import { MemorySink } from './memory-sink';

interface Expected {
  readonly name: FixtureName;
  readonly walPath: string;
  readonly live: Record<string, string[]>;
  readonly compacted: Record<string, string[]>;
  readonly pages: Record<string, string[]>;
}

const EXPECTED: Expected[] = [
  {
    name: 'tempo-2.9',
    walPath: 'wal',
    live: {
      'team-a': ['274bd888-53b9-42dc-adfe-d9e6ecfc6f2b', 'ed47ad1e-d172-4955-a62c-693be5d526d0'],
      'team-b': ['9c94af43-b897-486d-85c9-1a1a23d527e3'],
    },
    compacted: {
      'team-a': ['4ba945ed-cbbf-43bf-8ff8-361d92efa116', '51d1ee81-c3a7-4020-828c-8e1e645fdc1b'],
      'team-b': [],
    },
    pages: { '80b25cb9-2424-412f-8122-431f7d34a431+team-a+vParquet4': ['0000000001', '0000000002'] },
  },
  {
    name: 'tempo-3.0',
    walPath: 'live-store/traces',
    live: {
      'team-a': ['016d60db-3acf-4ed8-bb45-b7f983fbef48', '07a79af6-c20d-46c8-8eff-df0e4f92ad82'],
      'team-b': ['aab10ee3-f83a-4356-a667-809a0e7ab124'],
    },
    compacted: {
      'team-a': ['3de170c7-33f5-4ecc-bebb-72ac700ee1ea', 'e787c72d-b23b-447d-b744-b70eee56265a'],
      'team-b': [],
    },
    pages: { '78b3ccbd-2aa2-4dfa-8897-f6fdc2c47c37+team-a+vParquet4': ['0000000001'] },
  },
];

async function storedTraceIds(sink: MemorySink, cut: Cut): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>();
  const add = async (tenant: string, bytes: Buffer | undefined): Promise<void> => {
    if (!bytes) return;
    const source = {
      size: bytes.length,
      read: (at: number, into: Buffer) => Promise.resolve(void bytes.copy(into, 0, at)),
    };
    const ids = found.get(tenant) ?? new Set();
    for await (const group of readTraceIds(source)) group.forEach((id) => ids.add(id.toString('hex')));
    found.set(tenant, ids);
  };
  for (const [tenant, { live }] of cut.tenants) {
    for (const id of live.keys()) await add(tenant, sink.blocks.get(`${tenant}/${id}`)?.files.get('data.parquet'));
  }
  for (const name of cut.wal) {
    for (const page of sink.wal.get(name)?.pages.values() ?? []) await add(name.split('+')[1] ?? '', page);
  }
  return found;
}

describe.each(EXPECTED)(
  'a cut of the data that $name left when it was killed',
  ({ name, walPath, live, compacted, pages }) => {
    const folder = mkdtempSync(join(tmpdir(), 'tempo-fixture-'));
    const sink = new MemorySink();
    let source: TempoSource;
    let cut: Cut;

    beforeAll(async () => {
      copyFixture(name, folder);
      source = TempoSource.open({
        path: join(folder, 'var-tempo/traces'),
        walPath: join(folder, 'var-tempo', walPath),
      });
      cut = await takeCut(source, sink, { signal: new AbortController().signal });
    });

    afterAll(() => rmSync(folder, { recursive: true }));

    it('has the live blocks, and knows the compacted ones', () => {
      const ids = (of: 'live' | 'compacted'): unknown =>
        Object.fromEntries([...cut.tenants].map(([tenant, found]) => [tenant, [...found[of].keys()].sort()]));
      expect(ids('live')).toEqual(live);
      expect(ids('compacted')).toEqual(compacted);
      expect([...sink.blocks.keys()].sort()).toEqual(
        Object.entries(live).flatMap(([tenant, all]) => all.map((id) => `${tenant}/${id}`)),
      );
    });

    it('has the closed pages of WAL blocks that were not completed', () => {
      expect(Object.fromEntries([...sink.wal].map(([block, stored]) => [block, [...stored.pages.keys()]]))).toEqual(
        pages,
      );
      expect([...cut.wal]).toEqual(Object.keys(pages));
    });

    it('has every trace that was pushed', async () => {
      const stored = await storedTraceIds(sink, cut);
      for (const [tenant, traceIds] of pushedTraceIds(name)) {
        expect([...traceIds].filter((traceId) => !stored.get(tenant)?.has(traceId))).toEqual([]);
      }
    });

    it('finds nothing damaged', () => {
      expect(cut.damaged).toEqual([]);
    });

    it('reads no block a second time', async () => {
      const again = await takeCut(source, sink, { signal: new AbortController().signal });
      expect(again.tenants).toEqual(cut.tenants);
      expect(again.bytesRead).toBeLessThan(100_000);
      expect(cut.bytesRead).toBeGreaterThan(400_000);
    });

    it('takes of the local blocks those that were not flushed', async () => {
      const walFolder = join(folder, 'var-tempo', walPath);
      const [unflushed = ''] = readdirSync(join(walFolder, 'blocks/team-a')).sort();
      rmSync(join(walFolder, 'blocks/team-a', unflushed, 'flushed'));
      const alone = TempoSource.open({ path: mkdtempSync(join(folder, 'empty-')), walPath: walFolder });
      const { tenants, damaged } = await takeCut(alone, new MemorySink(), { signal: new AbortController().signal });
      expect([...tenants].map(([tenant, found]) => [tenant, [...found.live.keys()]])).toEqual([
        ['team-a', [unflushed]],
        ['team-b', []],
      ]);
      expect(damaged).toEqual([]);
    });
  },
);

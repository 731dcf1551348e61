import type { Damage, Manifest, ObjectReference } from '../../../lib/contract/manifest';
import { IntegrityError, UsageError } from '../../errors';
import { objectSource } from '../../repository/fetch';
import { filesOf } from '../../repository/layout-guard';
import { forEachConcurrently } from '../../streams/concurrency';
import { readTraceIds } from '../../tempo/block/parquet';
import type { CommandContext } from '../context';
import type { Selection } from './restore-selection';
import { awaitThaw, lookForArchived, type ThawFlags } from '../thaw';

const READ_AT_ONCE = 4;

/** Of the selection, what holds the trace. Throws `UsageError` when nothing does: a retry finds no more. */
export async function selectTrace(
  context: CommandContext,
  manifest: Manifest,
  found: Selection & ThawFlags & { readonly traceId: string },
): Promise<Selection> {
  const { traceId } = found;
  const search = new TraceSearch(context, Buffer.from(traceId, 'hex'));
  const candidates = [
    ...found.blocks.map(({ tenant, block }) => ({
      tenant,
      id: block.id,
      files: filesOf(tenant, block).filter(({ key }) => key.endsWith('/data.parquet')),
    })),
    ...found.wal.map(({ block }) => ({ tenant: block.tenant, id: block.id, files: block.pages })),
  ];
  const survey = await lookForArchived(
    context,
    candidates.flatMap(({ files }) => files),
  );
  await awaitThaw(context, survey, { ...found, action: `find trace '${traceId}' in '${manifest.id}'` });
  await search.run(candidates);
  const selection: Selection = {
    blocks: found.blocks.filter(({ block }) => search.holders.has(block.id)),
    wal: found.wal.filter(({ block }) => search.holders.has(block.id)),
    damaged: [...found.damaged, ...search.unreadable],
  };
  if (search.holders.size > 0) return selection;
  const [first] = search.unreadable;
  if (first) {
    throw new IntegrityError(
      `find trace '${traceId}': it is in none of the blocks that can be read, ${search.unreadable.length} can't, the first is '${first.block}': ${first.reason}`,
    );
  }
  throw new UsageError(
    `find trace '${traceId}': none of the ${candidates.length} blocks of '${manifest.id}' that match holds it; check the ID, or look in another recovery point`,
  );
}

interface Candidate {
  readonly tenant: string;
  readonly id: string;
  readonly files: readonly ObjectReference[];
}

class TraceSearch {
  readonly holders = new Set<string>();
  readonly unreadable: Damage[] = [];

  constructor(
    private readonly context: CommandContext,
    private readonly traceId: Buffer,
  ) {}

  async run(candidates: readonly Candidate[]): Promise<void> {
    const { progress, signal } = this.context;
    let done = 0;
    const work = async (candidate: Candidate): Promise<void> => {
      await this.look(candidate);
      progress.report({ phase: 'looking for the trace', done: ++done, total: candidates.length });
    };
    await forEachConcurrently(candidates, READ_AT_ONCE, work, signal);
  }

  private async look({ tenant, id, files }: Candidate): Promise<void> {
    try {
      for (const file of files) {
        if (await this.isIn(file)) this.holders.add(id);
      }
    } catch (error) {
      // The trace may be in other blocks too, so one that can't be read ends only its own search.
      if (!(error instanceof IntegrityError)) throw error;
      this.unreadable.push({ tenant, block: id, reason: error.message });
    }
  }

  private async isIn(file: ObjectReference): Promise<boolean> {
    for await (const ids of readTraceIds(objectSource(this.context.repository.storage, file))) {
      this.context.signal.throwIfAborted();
      if (ids.some((id) => id.equals(this.traceId))) return true;
    }
    return false;
  }
}

import type { RestoreOptions } from '../../../lib/contract/command-line/commands';
import type { Damage, Manifest } from '../../../lib/contract/manifest';
import type { RestoreGate, RestoreResult } from '../../../lib/contract/results';
import { tempoBucketUrl } from '../../../lib/contract/tempo-storage-config';
import { formatSize } from '../../../lib/contract/values/size';
import { RefusedError, UsageError } from '../../errors';
import { amountsOf, type ArchiveSurvey } from '../../repository/archive/archived-objects';
import type { DamageNotices } from '../../repository/damage-notices';
import { digestOfSource, storedSource } from '../../repository/fetch';
import { filesOf } from '../../repository/layout-guard';
import { RestoreSources } from '../../repository/restore-sources';
import { resolvePoint } from '../../repository/verification/latest-verified';
import { Stopwatch } from '../../stopwatch';
import { type BucketForecast, forecastBucket } from '../../tempo/bucket/bucket-forecast';
import { bytesToWrite, type RestoredBlocks, restoreIntoBucket } from '../../tempo/bucket/bucket-target';
import type { GateInput } from '../../tempo/gates/gate-input';
import { findGates } from '../../tempo/gates/gates';
import { bytesOf, type PlannedFolder, referencesOf } from '../../tempo/target/target-folder';
import { sumOfRequests } from '../backup/backup-source';
import type { CommandContext, Outcome } from '../context';
import { hiddenBlocks, hiddenDamage } from './hidden-blocks';
import { currentUser, damageOf, gatedBlocks, sentence, tempoFacts } from './restore-facts';
import { readTargetTempo } from './target-tempo';
import { asked, damagedByNotice, exitCodeOf, noticedDamage, refuse, select } from './restore-guards';
import type { SelectedBlock, Selection } from './restore-selection';
import { refuseBelowTempo, refuseRepository } from './target-place';
import { awaitThaw, lookForArchived } from '../thaw';

const REWIND = `go back to a moment before that with 'rewind --to TIME' where the bucket keeps versions`;

interface Prepared {
  readonly manifest: Manifest;
  readonly selection: Selection;
  readonly folders: readonly PlannedFolder[];
  readonly forecast: BucketForecast;
  /** Marked as compacted, with their traces in no live block. */
  readonly hidden: readonly Damage[];
  readonly gates: readonly RestoreGate[];
  readonly archived: ArchiveSurvey;
  readonly damage: DamageNotices;
}

/** The URL of the bucket that a restore goes to; undefined when it goes to a disk. */
export function targetBucket({ config }: CommandContext, { target, scope }: RestoreOptions): string | undefined {
  if (target !== undefined) return target.startsWith('s3:') ? target : undefined;
  const { storage } = config.tempo;
  return storage.backend === 's3' && scope !== 'wal' ? tempoBucketUrl(storage) : undefined;
}

/** Brings blocks of a recovery point into a bucket: plan, gates, then each block, its meta.json last. Nothing there is changed. */
export async function restoreToBucket(
  context: CommandContext,
  options: RestoreOptions,
  url: string,
): Promise<Outcome<RestoreResult>> {
  const watch = new Stopwatch();
  checkOptions(options, url);
  const bucket = context.openBucket(url);
  try {
    refuseRepository(context.config, url);
    refuseBelowTempo(context.config, url);
    const prepared = await watch.time('plan', () => prepare(context, options, { url, bucket }));
    const refused = prepared.gates.filter(({ allowed }) => !allowed);
    if (!options.dryRun) {
      refuse(prepared.manifest, refused);
      for (const { name, message } of prepared.gates)
        context.log.warn(`restoring with '--allow ${name}' though ${message}`);
      await awaitThaw(context, prepared.archived, { ...options, action: `restore '${prepared.manifest.id}'` });
    }
    const restored = options.dryRun ? undefined : await watch.time('restore', () => bringBack(context, prepared, url));
    const requests = sumOfRequests(context.repository.storage.requests, bucket.requests, restored?.requests ?? {});
    const result = { ...resultOf(context, prepared, { url, restored }), requests, seconds: watch.seconds() };
    return { result, exitCode: exitCodeOf(result) };
  } finally {
    await bucket.close();
  }
}

function checkOptions({ replace, scope }: RestoreOptions, url: string): void {
  if (replace) {
    throw new RefusedError(
      `restore into '${url}': '--replace' moves aside what is there, which a bucket can't; use 'rewind --to TIME' on a versioned bucket, or restore into an empty prefix or, by --into-tenant, under another tenant`,
      undefined,
    );
  }
  if (scope === 'wal' || scope === 'config') {
    throw new UsageError(
      `restore into '${url}': a bucket takes blocks only; restore the write-ahead log into Tempo's folder with '--scope wal --target DIR'`,
    );
  }
}

async function prepare(
  context: CommandContext,
  options: RestoreOptions,
  target: { readonly url: string; readonly bucket: ReturnType<CommandContext['openBucket']> },
): Promise<Prepared> {
  const { intoTenant } = options;
  const manifest = await resolvePoint(context.repository, options.recoveryPoint, (message) =>
    context.log.warn(message),
  );
  const tempo = await readTargetTempo(context, manifest, options);
  const selection = await select(context, manifest, options);
  refuseWal(manifest, selection, target.url);
  const folders = selection.blocks.map((selected) => plannedBlock(selected, intoTenant));
  const forecast = await forecastBucket(target.bucket, folders, context.signal);
  const hidden = hiddenBlocks(selection, forecast);
  const gates: GateInput = {
    now: context.now(),
    ...gatedBlocks({ ...selection, wal: [] }, [...forecast.missing, ...hidden], intoTenant),
    neededBytes: 0,
    sourceVersion: manifest.source.tempoVersion ?? undefined,
    damage: damageOf(manifest, selection, options.tenant),
    target: {
      ...tempoFacts(context, tempo),
      path: target.url,
      freeBytes: Infinity,
      owner: undefined,
      user: currentUser(),
    },
  };
  context.log.info(
    `restore '${manifest.id}' into '${target.url}': ${forecast.missing.length} of ${folders.length} blocks to write, ${formatSize(bytesToWrite(forecast.missing))}`,
  );
  const archived = await lookForArchived(context, forecast.missing.flatMap(referencesOf));
  const damage = await noticedDamage(context);
  return {
    manifest,
    selection,
    folders,
    forecast,
    hidden: hiddenDamage(selection, hidden, { ...gates, intoTenant, remedy: () => REWIND }),
    archived,
    damage,
    gates: findGates(gates).map((gate) => asked(gate, options)),
  };
}

/** What is only in the write-ahead log must not be left out in silence. */
function refuseWal({ id }: Manifest, { blocks, wal }: Selection, url: string): void {
  const known = new Set(blocks.map(({ block }) => block.id));
  const left = wal.filter(({ block }) => !known.has(block.id));
  if (left.length === 0) return;
  throw new UsageError(
    `restore '${id}' into '${url}': it has ${left.length} WAL blocks, which a bucket doesn't take; restore the blocks with '--scope data', and the write-ahead log into Tempo's folder with '--scope wal --target DIR' before Tempo starts`,
  );
}

function plannedBlock({ tenant, block }: SelectedBlock, intoTenant: string | undefined): PlannedFolder {
  const files = filesOf(tenant, block).map((reference) => ({
    name: reference.key.slice(reference.key.lastIndexOf('/') + 1),
    reference,
  }));
  const meta = files.find(({ name }) => name === 'meta.json');
  const place = `${intoTenant ?? tenant}/${block.id}`;
  return {
    tenant: intoTenant ?? tenant,
    id: block.id,
    staged: place,
    target: place,
    kind: 'block',
    files: files.filter((file) => file !== meta),
    meta: meta?.reference ?? '',
    intoTenant,
  };
}

type Restored = RestoredBlocks & { readonly bytesRead: number; readonly requests: Record<string, number> };

async function bringBack(
  { repository: { storage }, progress, signal, openStorage }: CommandContext,
  { forecast: { missing }, damage }: Prepared,
  url: string,
): Promise<Restored> {
  const target = await openStorage(url);
  const sources = new RestoreSources(storage, damage, signal);
  let done = 0;
  let bytes = 0;
  try {
    const restored = await restoreIntoBucket({
      folders: missing,
      target,
      signal,
      open: (reference) => sources.open(reference),
      read: (reference) => sources.read(reference),
      digestAt: ({ key, size, sha256 }) => digestOfSource(storedSource(target, key, size), { like: sha256, signal }),
      onRestored: (folder) => {
        bytes += bytesOf(folder);
        progress.report({ phase: 'restoring blocks', done: ++done, total: missing.length, bytes });
      },
    });
    return { ...restored, bytesRead: sources.bytesRead, requests: { ...target.requests } };
  } finally {
    await target.close();
  }
}

function resultOf(
  { log }: CommandContext,
  { manifest, selection, folders, forecast, hidden, gates, archived, damage }: Prepared,
  { url, restored }: { readonly url: string; readonly restored: Restored | undefined },
): Omit<RestoreResult, 'requests' | 'seconds'> {
  const lacking = restored?.failed ?? damagedByNotice(damage, forecast.missing);
  const failed = [...selection.damaged, ...forecast.failed, ...hidden, ...lacking];
  for (const damage of failed) log.error(`not restored: ${sentence(damage)}`);
  const { sent = 0, copied = 0 } = restored?.bytes ?? {};
  const read = restored?.bytesRead ?? 0;
  return {
    recoveryPoint: manifest.id,
    target: url,
    dryRun: restored === undefined,
    blocks: {
      total: folders.length,
      restored: restored?.restored.length ?? 0,
      skipped: forecast.present.length,
      compacted: forecast.compacted.length,
      failed,
    },
    wal: { blocks: 0, pages: 0 },
    bytes: { total: bytesToWrite(folders), written: sent + copied, read },
    movedAside: [],
    leftovers: [],
    freeBytes: null,
    owner: null,
    archived: amountsOf(archived),
    gates,
  };
}

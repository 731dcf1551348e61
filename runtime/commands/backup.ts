import { basename } from 'node:path';
import type { BackupOptions } from '../../lib/contract/command-line/commands';
import { parseDuration } from '../../lib/contract/values/duration';
import { ExitCode } from '../../lib/contract/exit-codes';
import type { Manifest } from '../../lib/contract/manifest';
import { ruleNamed } from '../../lib/contract/plan/plan';
import type { BackupResult } from '../../lib/contract/results';
import type { Rule, Scope } from '../../lib/contract/plan/rule';
import type { RunnerConfig } from '../../lib/contract/runner-config';
import { RefusedError, UsageError } from '../errors';
import { PointBuilder } from '../repository/point-builder';
import { Stopwatch } from '../stopwatch';
import type { Cut } from '../tempo/source/cut';
import { retentionOf } from '../tempo/configuration/retention';
import { RUNNER_VERSION } from '../version';
import {
  type ClusterConfiguration,
  readClusterConfiguration,
  storeClusterConfiguration,
  tempoConfigTexts,
} from './backup/cluster-configuration';
import { flushFor, runningVersion } from './backup/flush-for';
import { verifyAfterBackup } from './backup/verify-after-backup';
import { type BackupSource, openBackupSource, sumOfRequests } from './backup/backup-source';
import type { CommandContext, Outcome } from './context';
import { pointResult } from './point-results';
import { readTempoSettings, refuseLiteralSecrets, type TempoSettings } from './tempo-settings';

/** Makes a recovery point: an interrupted run leaves objects to reuse, never a broken point. */
export async function backup(context: CommandContext, options: BackupOptions): Promise<Outcome<BackupResult>> {
  const source = openBackupSource(context);
  try {
    return await backupOf(source, context, options);
  } finally {
    await source.close();
  }
}

async function backupOf(
  source: BackupSource,
  context: CommandContext,
  options: BackupOptions,
): Promise<Outcome<BackupResult>> {
  const { config, repository } = context;
  const watch = new Stopwatch();
  checkPin(options);
  const rule = ruleOf(config, options.rule);
  const scope = options.scope ?? rule?.scope ?? 'all';
  const known = await watch.time('prepare', () => prepare(context, source, scope));
  const builder = await watch.time('prepare', () => begin(context, options, known));
  const flush = await watch.time('flush', () => flushFor(scope, context, known));
  const cut = await watch.time('copy', () => copy(context, source, builder));
  if (builder.isFirst && isEmpty(cut)) refuseEmpty(source, options);
  const { manifest, stats, regressed } = await watch.time('commit', async () => {
    const lacks = await storeConfiguration(builder, scope, known);
    return builder.commit({
      ...{ cut, scope, flush, lacks },
      rule: rule?.name ?? null,
      // A pin that ends must not leave a point that nothing ever removes.
      deleteAfter: rule?.deleteAfter ?? options.pinFor ?? null,
      pin: options.pin ?? null,
      pinFor: options.pinFor,
      runner: RUNNER_VERSION,
      retention: (tenant) => retentionOf(known.settings.retention, tenant),
      isRetentionCertain: known.settings.retention.isCertain,
    });
  });
  warn(context, manifest, stats.warnings);
  const { verified, problems } = await watch.time('verify', () => verifyAfterBackup(context, manifest, rule));
  const result: BackupResult = {
    recoveryPoint: pointResult(manifest),
    blocks: { ...stats.blocks, damaged: manifest.damaged },
    bytes: { ...stats.bytes, read: cut.bytesRead },
    flush: flush ?? null,
    verified,
    problems,
    requests: sumOfRequests(repository.storage.requests, source.requests),
    seconds: watch.seconds(),
  };
  return { result, exitCode: exitCodeOf(result, regressed) };
}

/** What is known of the source before anything is copied. */
interface KnownSource {
  readonly source: BackupSource;
  readonly settings: TempoSettings;
  /** As a running Tempo tells it. */
  readonly version: string | undefined;
  readonly cluster: ClusterConfiguration | undefined;
}

async function prepare(context: CommandContext, source: BackupSource, scope: Scope): Promise<KnownSource> {
  const { config, log } = context;
  const cluster = await readClusterConfiguration(context);
  const settings = await readTempoSettings(config, cluster && tempoConfigTexts(cluster));
  if (settings.doubt !== undefined) log.warn(`${settings.doubt}; what Tempo's ConfigMaps say counts as not said`);
  if (takesFiles(scope)) refuseLiteralSecrets(settings.files);
  return { source, settings, cluster, version: await runningVersion(context) };
}

async function begin(
  { config, repository, log }: CommandContext,
  options: BackupOptions,
  known: KnownSource,
): Promise<PointBuilder> {
  const builder = await PointBuilder.begin(repository, {
    source: describeSource(config, known),
    grace: parseDuration(config.plan.prune.grace),
    allow: new Set(options.allow),
  });
  if (builder.isFirst)
    log.info(`the repository '${repository.storage.url}' has no recovery point yet: this is the first one`);
  if (known.source.relativeWalPath === null)
    log.info(
      "the write-ahead log isn't backed up, as 'tempo.storage.walPath' isn't set: what Tempo hasn't flushed is in no recovery point",
    );
  return builder;
}

async function copy({ signal, progress }: CommandContext, source: BackupSource, builder: PointBuilder): Promise<Cut> {
  const cut = await source.take(builder, {
    signal,
    onProgress: ({ blocks, blocksDone, bytesRead }) =>
      progress.report({ phase: 'copying blocks', done: blocksDone, total: blocks, bytes: bytesRead }),
  });
  signal.throwIfAborted();
  return cut;
}

/** Kubernetes objects go with every scope: unchanged they cost nothing, so each point has the configuration of its time. */
async function storeConfiguration(builder: PointBuilder, scope: Scope, known: KnownSource): Promise<string[]> {
  if (takesFiles(scope))
    for (const { name, bytes } of known.settings.files)
      await builder.config.store({ name: basename(name), kind: 'yaml', bytes });
  return known.cluster ? storeClusterConfiguration(builder, known.cluster) : [];
}

function ruleOf(config: RunnerConfig, name: string | undefined): Rule | undefined {
  if (name === undefined) return undefined;
  const rule = ruleNamed(config.plan, name);
  if (rule) return rule;
  const known = config.plan.rules.map((each) => `'${each.name}'`).join(', ');
  throw new UsageError(`backup: '--rule' names '${name}', which the plan doesn't have; it has ${known}`);
}

function checkPin({ pin, pinFor }: BackupOptions): void {
  if (pinFor === undefined || pin !== undefined) return;
  throw new UsageError("backup: '--pin-for' says how long a pin holds, but there is none; add '--pin REASON'");
}

function takesFiles(scope: Scope): boolean {
  return scope === 'all' || scope === 'config';
}

function describeSource(config: RunnerConfig, { source, settings, version }: KnownSource): Manifest['source'] {
  const fromLayout = source.relativeWalPath?.endsWith('live-store/traces') ? '3.0' : null;
  return {
    name: config.tempo.name,
    ...(config.kubernetes ? { namespace: config.kubernetes.namespace } : {}),
    tracesPath: source.tracesPath,
    walPath: source.relativeWalPath,
    tempoVersion: version ?? settings.version ?? fromLayout,
    storage: config.tempo.storage.backend,
  };
}

function isEmpty(cut: Cut): boolean {
  const blocks = [...cut.tenants.values()].some(({ live, compacted }) => live.size > 0 || compacted.size > 0);
  return !blocks && cut.wal.size === 0 && cut.damaged.length === 0;
}

/** An empty folder is what a volume that isn't mounted looks like, so a first backup of nothing must be meant. */
function refuseEmpty({ place }: BackupSource, options: BackupOptions): void {
  if (options.allow.includes('empty-source')) return;
  throw new RefusedError(
    `back up '${place}': there is no block and no WAL page; check the mount or the prefix, or pass '--allow empty-source' for a Tempo that has no data yet`,
    'empty-source',
    { path: place },
  );
}

function warn({ log }: CommandContext, manifest: Manifest, warnings: readonly string[]): void {
  for (const warning of warnings) log.warn(warning);
  for (const reason of manifest.suspect) log.warn(reason, { recoveryPoint: manifest.id });
  for (const { tenant, block, reason } of keptDamage(manifest))
    log.warn(`block is damaged: ${reason}`, { tenant, block });
}

/** Damage at the source that the point doesn't lack because it keeps an earlier copy; the rest is among the reasons for suspicion. */
function keptDamage({ damaged, suspect }: Manifest): Manifest['damaged'] {
  return damaged.filter(({ block }) => !suspect.some((reason) => reason.includes(block)));
}

function exitCodeOf({ recoveryPoint, blocks, problems, flush }: BackupResult, regressed: boolean): ExitCode {
  if (regressed) return ExitCode.SOURCE_REGRESSED;
  if (blocks.damaged.length > 0 || recoveryPoint.suspect || problems.length > 0) return ExitCode.INTEGRITY;
  return flush === null || flush.reached ? ExitCode.DONE : ExitCode.OBJECTIVE_MISSED;
}

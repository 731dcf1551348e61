import { z } from 'zod';
import { FORMAT_VERSION } from '../../lib/contract/manifest';
import { timedId, VERIFICATIONS_PREFIX } from '../../lib/contract/repository-layout';
import type { VerificationFailed, Verified, VerifyLevel } from '../../lib/contract/results';
import { StorageError } from '../errors';
import { bytesInMemory } from '../storage/storage';
import { compressed, readFolded } from './documents';
import { isDamage, type Repository } from './repository';
import { LEVELS, mergeStates, NEVER, type UnitState } from './verification/unit-state';

const MIB = 1024 * 1024;
const RECORD_LIMIT = 16 * MIB;
/** With 400,000 units. */
const UNFOLDED_RECORD_LIMIT = 64 * MIB;
const ATTEMPTS = 16;

/**
 * How many records are read, and kept by prune. Each has the whole state; two runs at once each write one that lacks what the other found,
 * so the newest alone would forget damage.
 */
export const LEDGER_RECORDS = 3;

/** What the last verification of a point came to. */
export interface PointVerification {
  /** The most thorough level at which all its objects were verified; null when some never were. */
  readonly level: VerifyLevel | null;
  /** When the one that waits longest was verified at that level, in seconds since 1970. */
  readonly at: number;
  readonly ok: boolean;
  readonly problems: readonly string[];
  /** When this was found, in seconds since 1970. */
  readonly checkedAt: number;
}

const seconds = z.number().int().nonnegative();
const level = z.enum(['quick', 'full', 'content']);
const pointSchema = z.object({
  level: level.nullable(),
  at: seconds,
  ok: z.boolean(),
  problems: z.array(z.string()),
  checkedAt: seconds,
});
const good = [z.string(), seconds, seconds, seconds] as const;
const unitSchema = z.union([z.tuple([...good]), z.tuple([...good, level, seconds, z.string(), z.string()])]);
const recordSchema = z.object({
  format: z.literal(FORMAT_VERSION),
  points: z.record(z.string(), pointSchema),
  units: z.array(unitSchema),
});

/** What was verified when. Losing it costs another verification, nothing else. */
export class VerificationLedger {
  static async load(repository: Repository): Promise<VerificationLedger> {
    const ledger = new VerificationLedger(repository);
    for (const key of (await recordKeys(repository)).slice(0, LEDGER_RECORDS)) await ledger.merge(key);
    return ledger;
  }

  /** Records that couldn't be read, in sentences. */
  readonly warnings: string[] = [];
  private readonly points = new Map<string, PointVerification>();
  private readonly units = new Map<string, UnitState>();

  private constructor(private readonly repository: Repository) {}

  point(id: string): PointVerification | undefined {
    return this.points.get(id);
  }

  /** As `list` shows it: null for a point that was never verified as a whole, or has problems. */
  verified(id: string): Verified {
    const point = this.points.get(id);
    if (!point?.ok || point.level === null) return null;
    return { level: point.level, at: new Date(point.at * 1000).toISOString() };
  }

  /** As `list` shows it: what is wrong with a point, until a verification finds it good. */
  failed(id: string): VerificationFailed {
    const point = this.points.get(id);
    if (!point || point.ok) return null;
    return { at: new Date(point.checkedAt * 1000).toISOString(), problems: point.problems };
  }

  proof(id: string): { readonly verified: Verified; readonly verificationFailed: VerificationFailed } {
    return { verified: this.verified(id), verificationFailed: this.failed(id) };
  }

  unit(id: string): UnitState {
    return this.units.get(id) ?? NEVER;
  }

  setUnit(id: string, state: UnitState): void {
    this.units.set(id, state);
  }

  recordPoint(id: string, verification: PointVerification): void {
    this.points.set(id, verification);
  }

  /** Forgets points that are gone, and units other than these. */
  forgetAllBut(points: ReadonlySet<string>, units?: ReadonlySet<string>): void {
    for (const id of this.points.keys()) if (!points.has(id)) this.points.delete(id);
    if (units) for (const id of this.units.keys()) if (!units.has(id)) this.units.delete(id);
  }

  /** Writes a record of the whole state. */
  async save(): Promise<void> {
    const units = Array.from(this.units, ([id, { quick, full, content, failure }]) => {
      const found = failure ? [failure.level, failure.at, failure.key, failure.reason] : [];
      return [id, quick, full, content, ...found];
    });
    const text = JSON.stringify({ format: FORMAT_VERSION, points: Object.fromEntries(this.points), units });
    const bytes = bytesInMemory(await compressed(text));
    const { storage, now } = this.repository;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { created } = await storage.put(
        `${VERIFICATIONS_PREFIX}${timedId(now(), this.repository.suffix())}.json.gz`,
        bytes,
      );
      if (created) return storage.sync();
    }
    throw new StorageError(`save verification: ${ATTEMPTS} names of records were taken; run it again`);
  }

  private async merge(key: string): Promise<void> {
    try {
      const bytes = await this.repository.storage.get(key, RECORD_LIMIT);
      const record = await readFolded(recordSchema, { key, bytes }, UNFOLDED_RECORD_LIMIT);
      for (const [id, point] of Object.entries(record.points)) {
        if (isNewer(point, this.points.get(id))) this.points.set(id, point);
      }
      for (const [id, quick, full, content, ...found] of record.units) {
        this.units.set(id, mergeStates(this.unit(id), { quick, full, content, failure: failureOf(found) }));
      }
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.warnings.push(`${error.message}; what it says is verified again`);
    }
  }
}

/** Newest first. */
export async function recordKeys({ storage }: Repository): Promise<string[]> {
  const records = [];
  for await (const record of storage.list(VERIFICATIONS_PREFIX))
    if (record.key.endsWith('.json.gz')) records.push(record);
  records.sort((a, b) => b.modifiedAt.getTime() - a.modifiedAt.getTime() || (a.key < b.key ? 1 : -1));
  return records.map(({ key }) => key);
}

/** True when a point verified at `level` counts as verified at `wanted`. */
export function includesLevel(level: VerifyLevel | null, wanted: VerifyLevel): boolean {
  return level !== null && LEVELS.indexOf(level) >= LEVELS.indexOf(wanted);
}

/** Of one second, the bad news counts. */
function isNewer(found: PointVerification, known: PointVerification | undefined): boolean {
  if (!known) return true;
  return found.checkedAt > known.checkedAt || (found.checkedAt === known.checkedAt && !found.ok);
}

function failureOf([level, at, key, reason]: [] | [VerifyLevel, number, string, string]): UnitState['failure'] {
  return level === undefined || at === undefined || key === undefined || reason === undefined
    ? undefined
    : { level, at, key, reason };
}

import type { IndexedBlock, WalBlock } from '../../lib/contract/manifest';
import { INDEXES_PREFIX } from '../../lib/contract/repository-layout';
import type { VerifyLevel, VerifyProblem, VerifyResult } from '../../lib/contract/results';
import type { ByteSource, StoredObject, ThawRequest } from '../storage/storage';
import { forEachConcurrently } from '../streams/concurrency';
import { InterruptedError, RunnerError } from '../errors';
import { requireThawed, surveyArchive } from './archive/archived-objects';
import { noticeDamage } from './damage-notices';
import { fetchObject, objectSource } from './fetch';
import { prefixOf } from './layout-guard';
import { isDamage, type Repository } from './repository';
import { VerificationLedger } from './verification-ledger';
import { findMissing } from './verification/existence';
import { ContentsReader, type PointContents, type PointProblem, type Unit } from './verification/point-contents';
import { afterLook, goodAt, LEVELS, type ListState, stateOfList, type UnitState } from './verification/unit-state';

const UNITS_AT_ONCE = 8;
const FILES_AT_ONCE = 4;
const PROBLEMS_KEPT = 20;

/** What only a reader of Tempo's files can tell; each returns what is wrong, in sentences. */
export interface Inspector {
  block(block: {
    readonly tenant: string;
    readonly entry: IndexedBlock;
    readonly files: ReadonlyMap<string, ByteSource>;
  }): Promise<string[]>;
  page(page: { readonly block: WalBlock; readonly name: string; readonly source: ByteSource }): Promise<string[]>;
}

export interface VerifyOptions {
  /** IDs. */
  readonly points: readonly string[];
  readonly level: VerifyLevel;
  /** How many bytes of objects may be read; what was never read, or longest ago, comes first. @default Infinity */
  readonly maxBytes?: number;
  /** What level `content` also looks at. @default - nothing */
  readonly inspector?: Inspector;
  /** To be requested of what is in an archive class. @default - none */
  readonly thaw?: ThawRequest;
  readonly signal?: AbortSignal;
  /** @default - nobody is told */
  readonly onProgress?: (progress: VerifyProgress) => void;
}

export interface VerifyProgress {
  readonly bytes: number;
  readonly bytesDone: number;
}

/** `VerifyResult` but for what the command itself measures. */
export type VerifyOutcome = Pick<
  VerifyResult,
  'level' | 'recoveryPoints' | 'objects' | 'bytes' | 'problems' | 'remainingBytes'
> & {
  /** About the ledger, and what couldn't be written down, in sentences. */
  readonly warnings: readonly string[];
};

/** Looks at what recovery points name, each object once however many points share it, and writes what it found into the ledger. */
export async function verifyPoints(repository: Repository, options: VerifyOptions): Promise<VerifyOutcome> {
  const run = new Verification(repository, options, await VerificationLedger.load(repository));
  return run.verify();
}

class Verification {
  private readonly reader: ContentsReader;
  /** In seconds since 1970, by the storage's clock: a machine whose clock runs ahead would outdate what others find later. */
  private at = 0;
  private readonly lists = new Map<readonly string[], ListState>();
  private readonly warnings: string[] = [];
  private checked = 0;
  private bytesRead = 0;
  private bytesWanted = 0;
  private readonly archived = new Map<string, StoredObject>();

  constructor(
    private readonly repository: Repository,
    private readonly options: VerifyOptions,
    private readonly ledger: VerificationLedger,
  ) {
    this.reader = new ContentsReader(repository);
  }

  async verify(): Promise<VerifyOutcome> {
    this.at = Math.floor((await this.repository.storage.now()).getTime() / 1000);
    const { level, points, signal } = this.options;
    const existing = new Set((await this.repository.listPoints()).points.map(({ id }) => id));
    const selected = await this.reader.read(points, signal);
    let remainingBytes = 0;
    try {
      await this.checkExistence();
      remainingBytes = level === 'quick' ? 0 : await this.readAll();
      await this.blameOthers(existing);
    } finally {
      // Also after an interruption: the next run goes on with what waits longest.
      for (const contents of selected) this.recordPoint(contents);
      await this.orWarn('the next verification starts anew', () => this.save(existing));
      await this.orWarn('the next backup relies on what is damaged', () => this.notice(selected));
    }
    return {
      level,
      recoveryPoints: selected.map((contents) => this.resultOf(contents)),
      objects: { checked: this.checked },
      bytes: { read: this.bytesRead },
      problems: selected.flatMap((contents) => this.problemsOf(contents)),
      remainingBytes,
      warnings: [...this.ledger.warnings, ...this.warnings],
    };
  }

  private async checkExistence(): Promise<void> {
    const problems = await findMissing(this.repository.storage, this.reader.units.values(), {
      signal: this.options.signal,
      onArchived: (object) => this.archived.set(object.key, object),
    });
    for (const unit of this.reader.units.values()) {
      this.record(unit, 'quick', problems.get(unit.id));
      this.checked += unit.files.length;
    }
  }

  /** The bytes that the budget left unread. */
  private async readAll(): Promise<number> {
    const { maxBytes = Infinity, signal } = this.options;
    const chosen: Unit[] = [];
    let left = 0;
    for (const unit of this.oldestFirst()) {
      const fits = this.bytesWanted + unit.bytes <= maxBytes || (chosen.length === 0 && maxBytes > 0);
      if (!fits || left > 0) left += unit.bytes;
      else {
        chosen.push(unit);
        this.bytesWanted += unit.bytes;
      }
    }
    await this.awaitThaw(chosen);
    await forEachConcurrently(chosen, UNITS_AT_ONCE, (unit) => this.readUnit(unit), signal);
    return left;
  }

  /** Before anything is read: a verification that stops in the middle would have paid for its reads in vain. */
  private async awaitThaw(chosen: readonly Unit[]): Promise<void> {
    if (this.archived.size === 0) return;
    const { signal, thaw } = this.options;
    const found = chosen.flatMap(({ files }) => files.flatMap(({ key }) => this.archived.get(key) ?? []));
    const survey = await surveyArchive(this.repository.storage, [...new Set(found)], signal);
    await requireThawed(this.repository.storage, survey, { action: 'verify', request: thaw, signal });
  }

  /** What was never read first, then what was read longest ago, good or bad, so that a budget always moves on; what isn't there can't be read. */
  private oldestFirst(): Unit[] {
    const readable = [...this.reader.units.values()].filter(
      ({ id }) => this.ledger.unit(id).failure?.level !== 'quick',
    );
    const waiting = (unit: Unit): number => {
      const state = this.ledger.unit(unit.id);
      return state.failure?.at ?? goodAt(state, this.options.level);
    };
    return readable
      .map((unit) => ({ unit, since: waiting(unit) }))
      .sort((a, b) => a.since - b.since)
      .map(({ unit }) => unit);
  }

  private async readUnit(unit: Unit): Promise<void> {
    const { level } = this.options;
    const damage = await this.readBytes(unit);
    // Bytes are wrong or not at level full already; content is what only an inspector finds in bytes that are right.
    if (damage) this.record(unit, 'full', damage);
    else this.record(unit, level, level === 'content' ? await this.inspect(unit) : undefined);
  }

  private async readBytes(unit: Unit): Promise<PointProblem | undefined> {
    let problem: PointProblem | undefined;
    await forEachConcurrently(
      unit.files,
      FILES_AT_ONCE,
      async (file) => {
        try {
          await fetchObject(this.repository.storage, file, (_, bytes) => this.count(bytes.length), this.options.signal);
        } catch (error) {
          if (!isDamage(error)) throw error;
          problem = { key: file.key, reason: error.message };
        }
      },
      this.options.signal,
    );
    return problem;
  }

  private async inspect(unit: Unit): Promise<PointProblem | undefined> {
    const { inspector } = this.options;
    const [first] = unit.files;
    if (!inspector || !first) return undefined;
    const [reason] = await this.sentencesOn(unit, inspector);
    return reason === undefined ? undefined : { key: first.key, reason };
  }

  private async sentencesOn({ files, block, page }: Unit, inspector: Inspector): Promise<string[]> {
    const sources = new Map(
      files.map((file) => [file.key.slice(file.key.lastIndexOf('/') + 1), objectSource(this.repository.storage, file)]),
    );
    if (block) return inspector.block({ ...block, files: sources });
    const source = page && sources.get(page.name);
    return page && source ? inspector.page({ ...page, source }) : [];
  }

  private count(bytes: number): Promise<void> {
    this.bytesRead += bytes;
    this.options.onProgress?.({ bytes: this.bytesWanted, bytesDone: this.bytesRead });
    return Promise.resolve();
  }

  private record(unit: Unit, level: VerifyLevel, problem: PointProblem | undefined): void {
    const state = this.ledger.unit(unit.id);
    const failed = (found: PointProblem): UnitState => ({ ...state, failure: { level, at: this.at, ...found } });
    this.ledger.setUnit(unit.id, problem ? failed(problem) : afterLook(state, level, this.at));
  }

  /** Damage concerns every point that names the object, also those that nobody asked about. */
  private async blameOthers(existing: ReadonlySet<string>): Promise<void> {
    const isBad = (id: string): boolean => this.ledger.unit(id).failure !== undefined;
    if (![...this.reader.units.keys()].some(isBad)) return;
    const others = [...existing].filter((id) => !this.options.points.includes(id));
    for (const contents of await this.reader.read(others, this.options.signal)) {
      if (this.listsOf(contents).some(({ failures }) => failures.length > 0)) this.recordPoint(contents);
    }
  }

  /**
   * Tells backups what they mustn't rely on. Not what an inspector finds: those bytes are as the source had them, and storing them again
   * would mend nothing.
   */
  private async notice(selected: readonly PointContents[]): Promise<void> {
    const indexes = selected.flatMap(({ problems }) => problems.map(({ key }) => key).filter(isIndex));
    const units = [...this.reader.units.values()].filter(({ id }) => {
      const level = this.ledger.unit(id).failure?.level;
      return level === 'quick' || level === 'full';
    });
    this.warnings.push(...(await noticeDamage(this.repository, [...indexes, ...units.map(placeOf)])));
  }

  /** What was found counts also where nothing can be written: in a replica that is read-only, or with such credentials. */
  private async orWarn(consequence: string, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (!(error instanceof RunnerError) || error instanceof InterruptedError) throw error;
      this.warnings.push(`${error.message}; ${consequence}`);
    }
  }

  private async save(existing: ReadonlySet<string>): Promise<void> {
    const isAll = [...existing].every((id) => this.options.points.includes(id));
    this.ledger.forgetAllBut(existing, isAll ? new Set(this.reader.units.keys()) : undefined);
    await this.ledger.save();
  }

  private recordPoint(contents: PointContents): void {
    const problems = this.problemsOf(contents).map(({ key, reason }) => `${key}: ${reason}`);
    const level = LEVELS.findLast((candidate) => this.oldest(contents, candidate) > 0) ?? null;
    this.ledger.recordPoint(contents.id, {
      level,
      at: level === null ? 0 : this.oldest(contents, level),
      ok: problems.length === 0,
      problems: problems.slice(0, PROBLEMS_KEPT),
      checkedAt: this.at,
    });
  }

  private resultOf(contents: PointContents): VerifyResult['recoveryPoints'][number] {
    const { level } = this.options;
    const problems = this.problemsOf(contents).length;
    const { id, suspect } = contents;
    return { id, ok: problems === 0, suspect, level, complete: this.oldest(contents, level) > 0, problems };
  }

  /** When the part of the point that waits longest was looked at; 0: a part never was. A point without objects needs no look. */
  private oldest(contents: PointContents, level: VerifyLevel): number {
    return Math.min(this.at, ...this.listsOf(contents).map(({ oldest }) => oldest[level]));
  }

  private problemsOf(contents: PointContents): VerifyProblem[] {
    const failures = this.listsOf(contents).flatMap((list) => list.failures);
    return [...contents.problems, ...failures].map(({ key, reason }) => ({ recoveryPoint: contents.id, key, reason }));
  }

  /** Only when all was looked at: hundreds of points share their lists, so each is summed up once. */
  private listsOf({ units }: PointContents): ListState[] {
    return units.map((list) => {
      const known = this.lists.get(list);
      if (known) return known;
      const state = stateOfList(list.map((id) => this.ledger.unit(id)));
      this.lists.set(list, state);
      return state;
    });
  }
}

function isIndex(key: string): boolean {
  return key.startsWith(INDEXES_PREFIX);
}

/** The folder of a block, the key of anything else. */
function placeOf({ block, files, id }: Unit): string {
  return block ? prefixOf(block.tenant, block.entry) : (files[0]?.key ?? id);
}

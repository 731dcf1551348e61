import type { BigIntStats, Dirent } from 'node:fs';
import { type FileState, SourceDisk } from '../../../../runtime/tempo/source/source-disk';

/** A disk on which something happens at the time of a given look. Pauses take no time; what happens in them is given, too. */
export class ScriptedDisk extends SourceDisk {
  readonly pauses: number[] = [];
  private readonly scripts: {
    readonly at: RegExp;
    readonly turn: number;
    readonly action: () => void;
    seen: number;
  }[] = [];

  private time: number | undefined;

  /** From here on time passes in pauses only, so that what counts as just written doesn't depend on the machine's speed. */
  freezeTime(now: Date): void {
    this.time = now.getTime();
  }

  override ageOf(state: FileState): number {
    return this.time === undefined ? super.ageOf(state) : this.time - state.modifiedMs;
  }

  /** Runs the action before the `turn`-th look whose `<kind> <path>` matches; kinds are list, state, small, read, pause. */
  before(at: RegExp, action: () => void, turn = 1): this {
    this.scripts.push({ at, turn, action, seen: 0 });
    return this;
  }

  override list(folder: string): Dirent[] {
    this.happen(`list ${folder}`);
    return super.list(folder);
  }

  protected override stats(path: string): BigIntStats | undefined {
    this.happen(`state ${path}`);
    return super.stats(path);
  }

  override readSmall(path: string, limit: number): Buffer | undefined {
    this.happen(`small ${path}`);
    return super.readSmall(path, limit);
  }

  override open(path: string): ReturnType<SourceDisk['open']> {
    this.happen(`open ${path}`);
    return super.open(path);
  }

  override pause(ms: number, signal: AbortSignal): Promise<void> {
    this.pauses.push(ms);
    if (this.time !== undefined) this.time += ms;
    this.happen(`pause ${ms}`);
    signal.throwIfAborted();
    return Promise.resolve();
  }

  private happen(what: string): void {
    for (const script of this.scripts) {
      if (script.at.test(what) && ++script.seen === script.turn) script.action();
    }
  }
}

/** What Node throws when a system call fails. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: it failed`), { code });
}

import { access } from 'node:fs/promises';
import { diskFs, type TargetFs } from '../../../../runtime/tempo/target/target-fs';
import { Killed } from '../../../helpers/killing-storage';

export interface KillingFsOptions {
  /** At which change (from 0); undefined: never. */
  readonly at?: number;
  /** Before it has its effect, or after. A write that is killed before its effect has written its first half. */
  readonly when?: 'before' | 'after';
  /** Called after each change. */
  readonly onChange?: () => void;
}

/** The disk as a process sees it that is killed at one of its changes: that one throws, and so does every later one. */
export class KillingFs {
  changes = 0;
  readonly fs: TargetFs;
  private dead = false;

  constructor(private readonly options: KillingFsOptions) {
    this.fs = {
      makeFolder: (path) => this.change('makeFolder', () => diskFs.makeFolder(path)),
      create: (path, mode) => this.change('create', () => diskFs.create(path, mode)),
      write: (file, offset, bytes) => this.write(file, offset, bytes),
      // Only a power failure tells whether they had an effect, and they take most of the time.
      sync: () => this.changeLater('sync', () => Promise.resolve()),
      // The system closes the files of the dead.
      close: (file) => diskFs.close(file),
      syncFolder: (path) => this.changeLater('syncFolder', () => access(path)),
      own: (target, owner) => this.change('own', () => diskFs.own(target, owner)),
      changeMode: (path, mode) => this.change('changeMode', () => diskFs.changeMode(path, mode)),
      rename: (from, to) => this.change('rename', () => diskFs.rename(from, to)),
      unlink: (path) => this.change('unlink', () => diskFs.unlink(path)),
      removeFolder: (path) => this.change('removeFolder', () => diskFs.removeFolder(path)),
    };
  }

  private change<T>(name: string, effect: () => T): T {
    const last = this.begin(name);
    try {
      return effect();
    } finally {
      this.end(name, last);
    }
  }

  private async changeLater(name: string, effect: () => Promise<void>): Promise<void> {
    const last = this.begin(name);
    try {
      await effect();
    } finally {
      this.end(name, last);
    }
  }

  private async write(file: number, offset: number, bytes: Buffer): Promise<void> {
    if (!this.dead && this.changes === this.options.at && this.options.when !== 'after') {
      await diskFs.write(file, offset, bytes.subarray(0, bytes.length / 2));
    }
    await this.changeLater('write', () => diskFs.write(file, offset, bytes));
  }

  /** True for the change that the process dies of after it had its effect. */
  private begin(name: string): boolean {
    const strikes = this.changes++ === this.options.at;
    if (this.dead || (strikes && this.options.when !== 'after')) this.die(name);
    return strikes;
  }

  private end(name: string, last: boolean): void {
    this.options.onChange?.();
    if (last || this.dead) this.die(name);
  }

  private die(name: string): never {
    this.dead = true;
    throw new Killed(`at change ${this.options.at ?? -1}: ${name}`);
  }
}

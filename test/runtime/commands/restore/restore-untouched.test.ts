import { join } from 'node:path';
import { RunnerError } from '../../../../runtime/errors';
import type { TargetFs } from '../../../../runtime/tempo/target/target-fs';
import { KillingFs } from './killing-fs';
import { block, DEFAULTS, Scene, wal } from './restore-scene';
import { restore } from '../../../../runtime/commands/restore';

const BLOCKS = { 'team-a': [block('team-a')] };
const WAL_ID = '5b1052ae-4f92-469d-af29-2f2691844f72';

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.of({ tenants: BLOCKS, wal: [wal('team-a', WAL_ID)] });
});
afterEach(() => scene.remove());

/** As the mover runs: into the folder of the configuration. */
function move(fs?: TargetFs): ReturnType<typeof restore> {
  const context = scene.context();
  const storage = { ...context.config.tempo.storage, path: join(scene.target, 'traces') };
  const config = { ...context.config, tempo: { ...context.config.tempo, storage } };
  return restore({ ...context, config }, { ...DEFAULTS, replace: true }, fs);
}

/** A disk that breaks at its n-th change, and tells why like a disk. */
function breaking(at: number): TargetFs {
  const killing = new KillingFs({ at, when: 'before' });
  const explain = (error: unknown): never => {
    throw new RunnerError(`the disk broke: ${(error as Error).message}`, 1);
  };
  return new Proxy(killing.fs, {
    get:
      (target, name: keyof TargetFs) =>
      (...args: unknown[]): unknown => {
        try {
          const result = (target[name] as (...given: unknown[]) => unknown)(...args);
          return result instanceof Promise ? result.catch(explain) : result;
        } catch (error) {
          return explain(error);
        }
      },
  });
}

describe('a restore that fails', () => {
  it('tells until its first move that the data is as it was, and never after it', async () => {
    scene.remove();
    const whole = new KillingFs({});
    await move(whole.fs);
    const answers: boolean[] = [];
    for (let at = 0; at < whole.changes; at++) {
      scene.remove();
      const before = scene.tree();
      const error: unknown = await move(breaking(at)).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (!(error instanceof RunnerError)) continue;
      answers.push(error.evidence.untouched === true);
      if (error.evidence.untouched === true) expect(scene.tree()).toEqual(before);
    }
    const first = answers.indexOf(false);
    expect(first).toBeGreaterThan(5);
    expect(answers.length - first).toBeGreaterThan(5);
    expect(answers).toEqual(answers.map((_, index) => index < first));
  });
});

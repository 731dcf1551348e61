import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExitCode } from '../../../lib/contract/exit-codes';
import { Workplace } from '../../helpers/command-runner';
import { makeBlock } from '../../helpers/tempo-tree';

jest.setTimeout(60_000);

let workplace: Workplace;
let copy: string;
beforeEach(async () => {
  workplace = await Workplace.withFixture('tempo-2.9');
  copy = join(workplace.folder, 'copy');
  await workplace.run('backup');
  await workplace.run('replicate', '--to', `file://${copy}`);
});
afterEach(() => workplace.remove());

const compare = (...args: string[]) => workplace.run('verify', '--replica', `file://${copy}`, ...args);

/** Another point, with a block more. */
async function another(): Promise<{ readonly id: string; readonly data: string }> {
  const block = makeBlock(workplace.traces, 'team-a');
  const { result } = await workplace.run('backup');
  return { id: result.recoveryPoint.id, data: `blocks/team-a/${block.id}/data.parquet` };
}

describe('a verification of a replica', () => {
  it('finds one whole that has everything', async () => {
    const { exitCode, result } = await compare();
    expect(exitCode).toBe(ExitCode.DONE);
    expect(result.replica).toMatchObject({
      url: `file://${copy}`,
      behindSeconds: 0,
      waitingSeconds: 0,
      maxWaitingSeconds: 3600,
      points: { whole: 1, missing: [], incomplete: [] },
      missing: { objects: 0, bytes: 0, keys: [] },
    });
    expect(result.replica?.newestThere).toBe(result.replica?.newestHere);
    expect((await workplace.run('verify')).result.replica).toBeNull();
  });

  it('says how far it lags and what is missing, and fails when it is too late', async () => {
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const { id, data } = await another();
    await new Promise((resolve) => setTimeout(resolve, 2100));
    const early = await compare();
    expect(early.exitCode).toBe(ExitCode.DONE);
    expect(early.result.replica).toMatchObject({ newestHere: id, points: { whole: 1, missing: [id] } });
    // Four files of the block, and the index.
    expect(early.result.replica?.missing).toMatchObject({ objects: 5 });
    expect(early.result.replica?.missing.keys).toContain(data);
    expect(early.result.replica?.behindSeconds).toBeGreaterThanOrEqual(1);
    expect(early.result.replica?.waitingSeconds).toBeGreaterThanOrEqual(1);
    const late = await compare('--max-lag', '1s');
    expect(late.exitCode).toBe(ExitCode.OBJECTIVE_MISSED);
    await workplace.run('replicate', '--to', `file://${copy}`);
    expect((await compare('--max-lag', '1s')).exitCode).toBe(ExitCode.DONE);
  });

  it('does not trust a manifest that came before what it names', async () => {
    const { id, data } = await another();
    await workplace.run('replicate', '--to', `file://${copy}`);
    rmSync(join(copy, data));
    const { result } = await compare();
    expect(result.replica).toMatchObject({
      newestHere: id,
      points: { whole: 1, missing: [], incomplete: [{ id, objects: 1 }] },
      missing: { objects: 1, bytes: expect.any(Number) as number, keys: [data] },
    });
    expect(result.replica?.newestThere).not.toBe(id);
  });

  it('finds indexes and files of another size', async () => {
    const { result } = await compare();
    const id = result.replica?.newestHere ?? '';
    const manifest = JSON.parse(readFileSync(join(copy, `points/${id}.json`), 'utf8')) as {
      readonly tenants: readonly { readonly index: { readonly key: string } }[];
    };
    const index = manifest.tenants[0]?.index.key ?? '';
    expect(existsSync(join(copy, index))).toBe(true);
    writeFileSync(join(copy, index), 'short');
    expect((await compare()).result.replica).toMatchObject({
      newestThere: null,
      behindSeconds: null,
      points: { whole: 0, incomplete: [{ id, objects: 1 }] },
      missing: { keys: [index] },
    });
  });

  it('says it in words', async () => {
    const { id, data } = await another();
    const { stdout } = await workplace.type('verify', '--config', workplace.config, '--replica', `file://${copy}`);
    expect(stdout).toContain(`replica  ${id}  not there`);
    expect(stdout).toContain(`replica  missing ${data}`);
    expect(stdout).toMatch(
      /replica file:.*: newest whole .* behind .* · 1 point whole, 1 not, waiting for \S+, at most 1h · 5 objects \(.*\) missing/,
    );
  });

  it('changes nothing there, and reads no data', async () => {
    await another();
    const { result } = await compare();
    expect(result.requests).toMatchObject({ delete: 0 });
    expect(existsSync(join(copy, 'verifications'))).toBe(false);
  });

  it('refuses another repository, the repository itself, and a place where none is', async () => {
    const other = await Workplace.withFixture('tempo-2.9');
    await other.run('backup');
    const stranger = await workplace.run('verify', '--replica', `file://${other.repository}`);
    expect(stranger.exitCode).toBe(ExitCode.REFUSED);
    expect(stranger.result.error.message).toMatch(
      /another repository is there .*; give the URL of a copy of this one$/,
    );
    await other.remove();
    expect((await workplace.run('verify', '--replica', `file://${workplace.repository}`)).exitCode).toBe(2);
    const places = [`${copy}-absent`, workplace.folder];
    for (const url of places.map((place) => `file://${place}`)) {
      const { exitCode, result } = await workplace.run('verify', '--replica', url);
      expect(exitCode).toBe(10);
      expect(result.error.message).toBe(
        `verify: there is no repository at the replica '${url}'; check '--replica', or make the copy by 'replicate --to'`,
      );
    }
  });

  it('tells damage here before a lag there', async () => {
    const { data } = await another();
    rmSync(join(workplace.repository, data));
    const { exitCode } = await compare('--max-lag', '1s');
    expect(exitCode).toBe(ExitCode.INTEGRITY);
  });
});

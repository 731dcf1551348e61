import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Workplace } from '../../helpers/command-runner';
import { TempoServer, type TempoServerOptions } from '../../helpers/tempo-server';

let workplace: Workplace;
let tempo: TempoServer | undefined;

beforeEach(async () => {
  workplace = await Workplace.withFixture('tempo-2.9');
});

afterEach(async () => {
  await tempo?.stop();
  tempo = undefined;
  await workplace.remove();
});

async function start(options: Partial<TempoServerOptions> = {}): Promise<void> {
  tempo = await TempoServer.start({ version: '2.9.5', ...options });
  await configure(tempo.url);
}

async function configure(url: string): Promise<void> {
  await workplace.configure({ tempo: `url: "${url}", flush: { deadline: 1s }` });
}

/** The fixture's Tempo was killed with traces in its WAL; this is what it would have done with them. */
function finish(): void {
  for (const name of ['80b25cb9-2424-412f-8122-431f7d34a431+team-a', '5b1052ae-4f92-469d-af29-2f2691844f72+team-b'])
    rmSync(join(workplace.wal, `${name}+vParquet4`), { recursive: true });
}

describe('a backup with the address of Tempo', () => {
  it.each([
    ['all', ['GET /api/status/buildinfo', 'POST /flush']],
    ['data', ['GET /api/status/buildinfo', 'POST /flush']],
    ['wal', ['GET /api/status/buildinfo']],
    ['config', ['GET /api/status/buildinfo']],
  ])('of scope %s asks it for %j', async (scope, requests) => {
    await start({ onFlush: () => setTimeout(finish, 100) });
    const { exitCode, result } = await workplace.run('backup', '--scope', scope);
    expect(exitCode).toBe(0);
    expect(tempo?.requests).toEqual(requests);
    expect(result.flush).toEqual(
      scope === 'all' || scope === 'data'
        ? { asked: true, reached: true, waitedMs: expect.any(Number), open: [] }
        : null,
    );
    expect(result.recoveryPoint.wal.blocks).toBe(result.flush ? 0 : 1);
  });

  it('takes what Tempo has not flushed in time, says so in point and result, and ends with 13', async () => {
    await start();
    const { exitCode, result, stderr } = await workplace.run('backup');
    expect(exitCode).toBe(13);
    const open = ['team-a/80b25cb9-2424-412f-8122-431f7d34a431'];
    const reason = `1 block was not in Tempo's backend after 1 s, such as '${open[0] ?? ''}'`;
    expect(result.flush).toMatchObject({ asked: true, reached: false, open, reason });
    expect(result.recoveryPoint).toMatchObject({ suspect: false, wal: { blocks: 1, pages: 2 } });
    expect(stderr).toContain(`Tempo is not flushed: ${reason.slice(0, 20)}`);
    const shown = await workplace.run('show', 'latest');
    expect(shown.exitCode).toBe(0);
    expect(shown.result.recoveryPoint.flush).toEqual(result.flush);
  });

  it('goes on when Tempo is away, and says so', async () => {
    await configure('http://127.0.0.1:1');
    const { exitCode, result } = await workplace.run('backup', '--scope', 'data');
    expect(exitCode).toBe(13);
    expect(result.flush).toMatchObject({ asked: false, reached: false, open: [] });
    expect(result.blocks.total).toBe(3);
  });

  it('ends with 12, not 13, when something is damaged too', async () => {
    await start({ flushStatus: 500 });
    writeFileSync(join(workplace.traces, 'team-a/274bd888-53b9-42dc-adfe-d9e6ecfc6f2b/meta.json'), '{');
    expect((await workplace.run('backup')).exitCode).toBe(12);
  });

  it('knows the exact version of Tempo from it', async () => {
    await start({ onFlush: finish });
    await workplace.run('backup');
    const { result } = await workplace.run('show', 'latest');
    expect(result.recoveryPoint.source).toMatchObject({ tempoVersion: '2.9.5', storage: 'local' });
    expect(result.recoveryPoint.components).toEqual(['blocks']);
  });
});

describe('a backup without the address of Tempo', () => {
  it('asks nobody and says nothing of a flush', async () => {
    const { exitCode, result } = await workplace.run('backup');
    expect(exitCode).toBe(0);
    expect(result.flush).toBeNull();
  });
});

describe('a backup by a rule of the plan', () => {
  it('is verified right after, as list shows', async () => {
    const { exitCode, result } = await workplace.run('backup', '--rule', 'hourly');
    expect(exitCode).toBe(0);
    expect(result.verified).toMatchObject({ level: 'quick' });
    const { result: list } = await workplace.run('list');
    expect(list.recoveryPoints).toMatchObject([{ verified: { level: 'quick' } }]);
  });

  it('is verified at the level of the plan, or not at all', async () => {
    await workplace.configure({ extra: 'plan: { verification: { afterBackup: content } }' });
    expect((await workplace.run('backup', '--rule', 'hourly')).result.verified).toMatchObject({ level: 'content' });
    await workplace.configure({ extra: 'plan: { verification: { afterBackup: null } }' });
    expect((await workplace.run('backup', '--rule', 'hourly')).result.verified).toBeNull();
  });

  it('ends with 12 when the repository lost what it relied on', async () => {
    await workplace.run('backup', '--rule', 'hourly');
    rmSync(join(workplace.repository, 'blocks/team-b'), { recursive: true });
    const { exitCode, result } = await workplace.run('backup', '--rule', 'hourly');
    expect(exitCode).toBe(12);
    expect(result.verified).toBeNull();
    expect(result.problems[0]?.key).toMatch(/^blocks\/team-b\//);
    // And the next one heals it.
    expect((await workplace.run('backup', '--rule', 'hourly')).exitCode).toBe(0);
  });

  it('made by hand costs what it costs: nothing is verified', async () => {
    await workplace.run('backup');
    const { result } = await workplace.run('backup');
    expect(result.verified).toBeNull();
    expect(result.requests).toMatchObject({ put: 1, get: 2, list: 1, head: 0 });
  });
});

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ExitCode } from '../../../lib/contract/exit-codes';
import { RewindScene } from '../../helpers/rewind-scene';

jest.setTimeout(60_000);

let scene: RewindScene;
let server: Server | undefined;
let to: string;

beforeEach(async () => {
  scene = await RewindScene.start();
  scene.workplace.flush('team-a');
  scene.pass();
  to = scene.moment();
  scene.pass();
  scene.workplace.put('team-a/index.json.gz', Buffer.from('x'));
});
afterEach(async () => {
  await scene.workplace.stop();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
});

/** Resolves to the address of something that answers in this way. */
async function answering(status: number): Promise<string> {
  const made = createServer((_, response) => response.writeHead(status).end());
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
}

describe("a rewind of a running Tempo's bucket", () => {
  it.each([200, 503])('is refused while its address answers with %i, however old its index is', async (status) => {
    const url = await answering(status);
    await scene.workplace.configure({ tempo: `url: "${url}"` });
    scene.pass(60);
    const { exitCode, result } = await scene.rewind(to);
    expect(exitCode).toBe(ExitCode.REFUSED);
    expect(result.error?.lift).toBe('tempo-running');
    expect(result.error?.message).toContain(`'${url}/ready' ('tempo.url') answers with ${status}`);
    expect((await scene.rewind(to, '--allow', 'tempo-running')).exitCode).toBe(ExitCode.DONE);
  });

  it('goes on when nothing answers at its address', async () => {
    const url = await answering(200);
    await new Promise((resolve) => server?.close(resolve));
    server = undefined;
    await scene.workplace.configure({ tempo: `url: "${url}"` });
    scene.pass(60);
    expect((await scene.rewind(to)).exitCode).toBe(ExitCode.DONE);
  });

  it.each([
    ['30m', 59, ExitCode.REFUSED],
    ['30m', 61, ExitCode.DONE],
    ['2s', 9, ExitCode.REFUSED],
    ['2s', 11, ExitCode.DONE],
  ])('with a blocklist_poll of %s and an index %i minutes old ends with %i', async (poll, minutes, expected) => {
    const file = join(scene.workplace.folder, 'tempo.yaml');
    await writeFile(file, `storage: { trace: { blocklist_poll: ${poll} } }\n`);
    await scene.workplace.configure({ tempo: `configFiles: ["${file}"]` });
    scene.pass(minutes);
    expect((await scene.rewind(to)).exitCode).toBe(expected);
  });
});

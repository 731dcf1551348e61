import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');

let bin: string;
beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), 'image-builders-'));
});
afterEach(() => rmSync(bin, { recursive: true }));

/** A program that prints what it is called with; `image inspect` and `images` give a size, in the way of docker or of buildah. */
function program(name: string, { works = true, size = '134039691' } = {}): void {
  const sizes = `case "$1" in image|images) echo '${size}'; exit;; info|--version) exit ${works ? 0 : 1};; esac`;
  writeFileSync(join(bin, name), `#!/bin/sh\n${sizes}\necho "${name}:" "$@"\n`);
  chmodSync(join(bin, name), 0o755);
}

function image(...args: string[]): { status: number | null; output: string } {
  const env = { ...process.env, PATH: bin };
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/image.mjs', ...args], {
    cwd: ROOT,
    env,
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
}

describe('npm run image', () => {
  it('takes docker first, and prints name and size', () => {
    program('docker');
    program('podman');
    const { status, output } = image('--tag', 'registry.example/tempo-backup:1');
    expect(output).toContain(
      'docker: build --tag registry.example/tempo-backup:1 --label org.opencontainers.image.version=',
    );
    expect(output).toContain('registry.example/tempo-backup:1: 134 MB');
    expect(status).toBe(0);
  });

  it('passes over a docker whose daemon does not answer', () => {
    program('docker', { works: false });
    program('buildah', { size: '134 MB\n134 MB' });
    const { output } = image();
    expect(output).toContain('buildah: build --tag tempo-backup:');
    expect(output).toMatch(/^tempo-backup:\S+: 134 MB$/m);
  });

  it('takes the builder that it is told', () => {
    program('docker');
    program('podman');
    expect(image('--builder=podman').output).toContain('podman: build');
  });

  it('passes on what it does not know', () => {
    program('docker');
    expect(image('--platform', 'linux/arm64', '--tag=a:1', '--no-cache').output).toMatch(
      /--label org.opencontainers.image.revision=\S+ --platform linux\/arm64 --no-cache /,
    );
  });

  it.each([
    [[], 'none of docker, podman, buildah is there'],
    [['--builder', 'kaniko'], "'kaniko' is no builder"],
  ])('refuses %j', (args, message) => {
    const { status, output } = image(...args);
    expect(output).toContain(message);
    expect(status).toBe(2);
  });

  it('refuses a tag without a value', () => {
    program('docker');
    expect(image('--tag')).toEqual({ status: 2, output: expect.stringContaining("'--tag' needs a value") });
  });
});

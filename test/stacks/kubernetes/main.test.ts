import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Testing } from 'cdk8s';
import { parse } from 'yaml';
import { parseRunnerConfig } from '../../../lib/contract/index';
import { RunnerConfigChart } from '../../../stacks/kubernetes/runner-config-chart';
import { type Settings, settings } from '../../../stacks/settings';

interface ConfigMap {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly data: { readonly 'config.yaml': string };
}

function synth(custom: Settings = settings): ConfigMap[] {
  const chart = new RunnerConfigChart(Testing.app(), 'tempo-backup', { settings: custom });
  return Testing.synth(chart) as ConfigMap[];
}

describe('the Kubernetes stack', () => {
  it("defines a ConfigMap with the runner's configuration", () => {
    const [map] = synth();
    expect(map).toMatchObject({ kind: 'ConfigMap', metadata: { name: 'tempo-backup', namespace: settings.namespace } });
    const config = parseRunnerConfig(parse(map?.data['config.yaml'] ?? ''));
    expect(config.plan).toEqual(settings.plan);
    expect(config.repository.url).toBe('s3://acme-tempo-backups?region=eu-west-1');
  });

  it('throws when the plan contradicts itself', () => {
    const context = { storage: 'local', walVolume: false } as const;
    expect(() => synth({ ...settings, context })).toThrow(
      "'plan.rules.wal.scope' is 'wal' in rule 'wal', but no volume holds the WAL",
    );
  });

  it('synthesizes the same file each time', () => {
    const runs = [synthProgram(), synthProgram()];
    expect(runs[0]).toEqual(runs[1]);
    expect(Object.keys(runs[0] ?? {})).toEqual(['tempo-backup.k8s.yaml']);
  });
});

/** Runs the program as `cdk8s synth` does; the files that it wrote, by name. */
function synthProgram(): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'synth-'));
  process.env['CDK8S_OUTDIR'] = folder;
  try {
    jest.isolateModules(() => {
      jest.requireActual('../../../stacks/kubernetes/main');
    });
    return Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
  } finally {
    delete process.env['CDK8S_OUTDIR'];
    rmSync(folder, { recursive: true });
  }
}

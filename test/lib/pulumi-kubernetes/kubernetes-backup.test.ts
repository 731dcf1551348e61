import * as pulumi from '@pulumi/pulumi';
import { Chart, Duration } from 'cdk8s';
import { BackupRule, Schedule } from '../../../lib/kubernetes/index';
import type * as component from '../../../lib/pulumi-kubernetes/index';
import { newBackup, Synthesized } from '../../helpers/synthesized';

interface Created {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

const created: Created[] = [];
const backup = newBackup();
let resources: Record<string, pulumi.CustomResource>;
let deployed: component.KubernetesBackup;

// Pulumi's types leave out what its engine knows a child by.
const parentOf = (resource: unknown) => (resource as { __parentResource?: unknown }).__parentResource;

const unwrap = <T>(output: pulumi.Output<T>): Promise<T> => new Promise((resolve) => output.apply(resolve));

// Loaded only when mocks are set: a component asks for the engine while it is made.
const load = () => jest.requireActual<typeof component>('../../../lib/pulumi-kubernetes/index');

beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs }) => {
      created.push({ type, name, inputs: inputs as Record<string, unknown> });
      return { id: `${name}-id`, state: inputs as Record<string, unknown> };
    },
    call: ({ inputs }) => inputs as Record<string, unknown>,
  });
  const { KubernetesBackup } = load();
  deployed = new KubernetesBackup('tempo', { chart: Chart.of(backup) });
  resources = await unwrap(deployed.resources);
  // Waits until everything is registered.
  await pulumi.runtime.disconnect();
});

describe('a chart deployed by Pulumi', () => {
  const objects = Synthesized.of(backup).objects;

  it('is a resource for each of its objects, whose names never change', () => {
    const names = objects.map(({ kind, metadata }) => `${kind} tempo-observability/${metadata.name}`);
    const children = created.filter(({ name }) => name !== 'tempo');
    expect(children.map(({ type, name }) => `${type.split(':').at(-1) ?? ''} ${name}`).sort()).toEqual(names.sort());
    expect(Object.keys(resources)).toHaveLength(objects.length);
  });

  it('has the very objects that are synthesized', () => {
    const hourly = objects.find(({ metadata }) => metadata.name === 'tempo-backup-hourly');
    const inputs = created.find(({ name }) => name.endsWith('/tempo-backup-hourly'))?.inputs;
    expect(inputs).toMatchObject({ kind: 'CronJob', spec: hourly?.spec, metadata: hourly?.metadata });
  });

  it('is one component, whose children belong to it', () => {
    const ancestors = Object.values(resources).map((resource) => parentOf(parentOf(resource)));
    expect(ancestors.every((ancestor) => ancestor === deployed)).toBe(true);
    expect(created.filter(({ name }) => name === 'tempo').map(({ type }) => type)).toEqual([
      'tempo-backup:kubernetes:KubernetesBackup',
      'kubernetes:yaml:ConfigGroup',
    ]);
  });

  it('throws when its plan contradicts itself, before anything is registered', () => {
    const { KubernetesBackup } = load();
    const wrong = newBackup();
    const keepsNothing = { schedule: Schedule.daily(), deleteAfter: Duration.days(1) };
    wrong.addRule(new BackupRule({ name: 'mine', ...keepsNothing }));
    expect(() => new KubernetesBackup('wrong', { chart: Chart.of(wrong) })).toThrow(
      "[chart/Backup] 'plan.rules.mine.deleteAfter' must be longer than the interval",
    );
    expect(created.filter(({ name }) => name === 'wrong')).toEqual([]);
  });
});

import { type KubernetesRight, kubernetesRights } from '../../../../lib/contract/kubernetes-rights';
import { replicasOf } from '../../../../runtime/cluster/workload/workload';
import { isPermitted, type RecordedCall } from '../../../helpers/cluster/api-request';
import { ClusterScene, type SceneOptions } from './cluster-scene';

jest.setTimeout(60_000);

// Every scene's cluster refuses what the table doesn't grant, so that the other tests hold its other half.
describe('the rights of a restore', () => {
  const calls: RecordedCall[] = [];
  let rights: readonly KubernetesRight[] = [];

  async function record(options: SceneOptions, run: (scene: ClusterScene) => Promise<unknown>): Promise<void> {
    const scene = await ClusterScene.start({ secret: true, ...options });
    try {
      rights = kubernetesRights('restore', scene.kubernetes);
      await run(scene);
      calls.push(...scene.cluster.calls);
    } finally {
      await scene.stop();
    }
  }

  it('are all used', async () => {
    await record({}, (scene) => scene.coordinate());
    await record({ objects: [] }, (scene) => scene.coordinate());
    await record({ mover: () => 'pending' }, (scene) => scene.failure());
    expect(calls.filter((call) => !isPermitted(call, rights))).toEqual([]);
    const unused = rights.flatMap(({ verbs, ...right }) =>
      verbs.flatMap((verb) =>
        (right.names ?? [undefined]).flatMap((name) => {
          const one = [{ ...right, verbs: [verb], ...(name === undefined ? {} : { names: [name] }) }];
          return calls.some((call) => isPermitted(call, one)) ? [] : [`${verb} ${right.resource}/${name ?? '*'}`];
        }),
      ),
    );
    expect(unused).toEqual([]);
  });
});

describe('a right that is missing', () => {
  let scene: ClusterScene;
  beforeAll(async () => {
    scene = await ClusterScene.start();
  });
  afterAll(() => scene.stop());

  it('is named with its verb and object, and Tempo is never left stopped without a word', async () => {
    const all = kubernetesRights('restore', scene.kubernetes);
    let refusals = 0;
    for (const [index, { verbs }] of all.entries()) {
      for (const missing of verbs) {
        await scene.reset();
        scene.cluster.rights = all.flatMap((right, at) =>
          at === index ? [{ ...right, verbs: right.verbs.filter((verb) => verb !== missing) }] : [right],
        );
        const error: unknown = await scene.coordinate().catch((thrown: unknown) => thrown);
        if (!(error instanceof Error)) continue;
        refusals++;
        expect(error).toMatchObject({ exitCode: 2 });
        expect(error.message).toMatch(
          new RegExp(`may not '${missing}' '.*'.*; grant it to ServiceAccount 'tempo-restore'`),
        );
        if (replicasOf(scene.workload) === 0) expect(error.message).toContain('is left at 0 of 2 replicas');
      }
    }
    // Creation of what is there, and deletion of a mover that starts, are never asked for here.
    expect(refusals).toBeGreaterThanOrEqual(14);
  });
});

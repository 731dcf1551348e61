import { kubernetesSchema } from '../../../lib/contract/kubernetes-config';
import { kubernetesRights, rollbackSecret } from '../../../lib/contract/kubernetes-rights';

describe('the rights of restores of several Tempos in a namespace', () => {
  const configOf = (name: string) =>
    kubernetesSchema.parse({
      namespace: 'observability',
      workload: { kind: 'StatefulSet', name },
      restore: { cronJob: `${name}-restore`, moverCronJob: `${name}-restore-mover` },
    });

  it('are to a Secret of their own, so that none goes on with the restore of another one or loses its way back', () => {
    const [one, two] = [configOf('one'), configOf('two')];
    expect([rollbackSecret(one), rollbackSecret(two)]).toEqual(['one-restore-rollback', 'two-restore-rollback']);
    const names = kubernetesRights('restore', one).flatMap(({ resource, names: all = [] }) =>
      resource === 'secrets' ? all : [],
    );
    expect(names).toEqual(['one-restore-rollback']);
  });
});

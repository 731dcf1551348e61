import { RunnerRole, type RunnerRoleArgs } from '../../../lib/aws/index';
import { RecordingEngine, valueOf } from '../../helpers/recording-engine';
import { refusalBy, statementsOf } from './component-scene';

describe('a RunnerRole', () => {
  const role = (args: Partial<RunnerRoleArgs>) =>
    RecordingEngine.run(
      () => new RunnerRole('tempo-backup', { namespace: 'observability', serviceAccount: 'tempo-backup', ...args }),
    );

  it('by pod identity is for one service account of one cluster', async () => {
    const engine = await role({ cluster: 'prod' });
    expect(engine.names()).toEqual([
      'PodIdentityAssociation tempo-backup-association',
      'Role tempo-backup',
      'RunnerRole tempo-backup',
    ]);
    expect(statementsOf(engine.find('tempo-backup', 'Role'), 'assumeRolePolicy')).toEqual([
      {
        Sid: 'PodIdentity',
        Effect: 'Allow',
        Principal: { Service: 'pods.eks.amazonaws.com' },
        Action: ['sts:AssumeRole', 'sts:TagSession'],
        Condition: {
          StringEquals: {
            'aws:RequestTag/eks-cluster-name': 'prod',
            'aws:RequestTag/kubernetes-namespace': 'observability',
            'aws:RequestTag/kubernetes-service-account': 'tempo-backup',
          },
        },
      },
    ]);
    expect(engine.find('tempo-backup-association', 'PodIdentityAssociation').inputs).toEqual({
      clusterName: 'prod',
      namespace: 'observability',
      serviceAccount: 'tempo-backup',
      roleArn: 'arn:aws:iam::123456789012:tempo-backup',
    });
    expect(await valueOf(engine.made.serviceAccountAnnotations)).toEqual({});
  });

  it.each(['https://oidc.eks.eu-west-1.amazonaws.com/id/AB/', 'oidc.eks.eu-west-1.amazonaws.com/id/AB'])(
    'by IRSA is for one service account of the issuer %s',
    async (url) => {
      const oidcProvider = { arn: 'arn:aws:iam::123456789012:oidc-provider/x', url };
      const engine = await role({ oidcProvider });
      expect(engine.names()).toEqual(['Role tempo-backup', 'RunnerRole tempo-backup']);
      expect(statementsOf(engine.find('tempo-backup', 'Role'), 'assumeRolePolicy')).toEqual([
        {
          Sid: 'WebIdentity',
          Effect: 'Allow',
          Principal: { Federated: oidcProvider.arn },
          Action: 'sts:AssumeRoleWithWebIdentity',
          Condition: {
            StringEquals: {
              'oidc.eks.eu-west-1.amazonaws.com/id/AB:aud': 'sts.amazonaws.com',
              'oidc.eks.eu-west-1.amazonaws.com/id/AB:sub': 'system:serviceaccount:observability:tempo-backup',
            },
          },
        },
      ]);
      expect(await valueOf(engine.made.serviceAccountAnnotations)).toEqual({
        'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:tempo-backup',
      });
    },
  );

  it('has no rights before something is granted, and is free to go', async () => {
    const engine = await role({ cluster: 'prod', roleName: 'a', permissionsBoundary: 'arn:aws:iam::1:policy/p' });
    const { inputs, protect } = engine.find('tempo-backup', 'Role');
    expect([inputs['name'], inputs['permissionsBoundary'], protect]).toEqual(['a', 'arn:aws:iam::1:policy/p', false]);
    expect(engine.ofType('RolePolicy')).toEqual([]);
  });

  it("is associated in the cluster's region, which may be another one than the provider's", async () => {
    const regionOf = async (args: Partial<RunnerRoleArgs>) =>
      (await role(args)).find('tempo-backup-association', 'PodIdentityAssociation').inputs['region'];
    expect(await regionOf({ cluster: 'recovery', region: 'eu-central-1' })).toBe('eu-central-1');
    expect(await regionOf({ cluster: 'prod' })).toBeUndefined();
  });

  it('has a name of its own, no boundary and no tags by default', async () => {
    const { inputs } = (await role({ cluster: 'prod' })).find('tempo-backup', 'Role');
    expect(Object.keys(inputs)).toEqual(['assumeRolePolicy']);
  });

  it('has the tags that it is given', async () => {
    const { inputs } = (await role({ cluster: 'prod', tags: { team: 'a' } })).find('tempo-backup', 'Role');
    expect(inputs['tags']).toEqual({ team: 'a' });
  });

  it.each<[string, Partial<RunnerRoleArgs>, string, RegExp]>([
    ['neither way', {}, 'cluster', /^must be given, or 'oidcProvider' for a cluster without pod identity/],
    [
      'both ways',
      { cluster: 'prod', oidcProvider: { arn: 'arn:aws:iam::1:x', url: 'x' } },
      'oidcProvider',
      /^must be left out when 'cluster' is given/,
    ],
    ['no service account', { cluster: 'prod', serviceAccount: '' }, 'serviceAccount', /^must not be empty, got ''$/],
    [
      'a boundary that is no ARN',
      { cluster: 'prod', permissionsBoundary: 'p' },
      'permissionsBoundary',
      /^must be an ARN/,
    ],
    ['no region', { cluster: 'prod', region: 'Frankfurt' }, 'region', /^must be the code of a region/],
    [
      'a region without an association',
      { region: 'eu-west-1', oidcProvider: { arn: 'arn:aws:iam::1:x', url: 'x' } },
      'region',
      /^must be left out when 'oidcProvider' is given: only an association with 'cluster' has one$/,
    ],
    ['a provider that is no ARN', { oidcProvider: { arn: 'x', url: 'x' } }, 'oidcProvider.arn', /^must be an ARN/],
  ])('throws when there is %s', async (_, args, propertyPath, reason) => {
    const names = { namespace: 'observability', serviceAccount: 'tempo-backup' };
    const refusal = await refusalBy(() => new RunnerRole('tempo-backup', { ...names, ...args }));
    expect(refusal).toMatchObject({ propertyPath, reason: expect.stringMatching(reason) });
  });
});

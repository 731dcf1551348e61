import { readFileSync } from 'node:fs';
import type { KubernetesObject } from '../harness/cluster/objects';
import { type RecordedAccount, recorded } from '../harness/records';
import { ON_CALL, runnerObjects } from '../harness/runner-objects';
import { newEncryptionKey } from '../harness/encryption-key';

const { E2E_AUDIT_LOG } = process.env;

/** What no run of the suites needs, and why it is granted all the same. */
const UNUSED: Readonly<Record<string, string>> = {
  'on-call list batch/jobs': 'for people: kubectl get jobs',
  'on-call watch batch/jobs': 'for people: kubectl get jobs --watch, kubectl wait',
  'on-call get pods': 'for people: kubectl describe pod',
  'on-call watch pods': 'for people: kubectl get pods --watch',
};

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** A call of the API server, as its audit log has it. */
interface Call {
  readonly namespace: string;
  readonly identity: RecordedAccount['identity'];
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
  readonly name: string | undefined;
  readonly isDenied: boolean;
}

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly apiGroup?: string;
  };
  readonly annotations?: Readonly<Record<string, string>>;
}

const isRecorded = recorded('accounts').length > 0;
if (!E2E_AUDIT_LOG || !isRecorded)
  process.stderr.write(
    `least privilege skipped: ${E2E_AUDIT_LOG ? 'no suite has run in a cluster' : 'E2E_AUDIT_LOG not set'}\n`,
  );
const suite = E2E_AUDIT_LOG && isRecorded ? describe : describe.skip;

suite('the rights of the service accounts, after all suites', () => {
  let calls: Call[];
  let granted: Map<string, Rule[]>;
  beforeAll(async () => {
    calls = callsIn(readFileSync(E2E_AUDIT_LOG ?? '', 'utf8'));
    granted = grants(await allObjects());
  });

  it('have all that is needed: nothing was denied but where a test took rights away', () => {
    const wanted = new Set(recorded('denied').map(({ namespace }) => namespace));
    expect(calls.length).toBeGreaterThan(0);
    expect(texts(calls.filter(({ isDenied, namespace }) => isDenied && !wanted.has(namespace)))).toEqual([]);
  });

  it('have nothing else than what the Roles say', () => {
    const outside = calls.filter(
      (call) => !call.isDenied && !granted.get(call.identity)?.some((rule) => permits(rule, call)),
    );
    expect(texts(outside)).toEqual([]);
  });

  it('are all used by some call', () => {
    const made = new Set(texts(calls.filter(({ isDenied }) => !isDenied)));
    const unused = [...granted].flatMap(([identity, rules]) =>
      rules.flatMap((rule) => rightsOf(identity, rule).filter((right) => !isMade(made, right))),
    );
    expect(unused.filter((right) => UNUSED[right] === undefined).sort()).toEqual([]);
  });
});

function callsIn(log: string): Call[] {
  const accounts = new Map(
    recorded('accounts').map((each) => [`system:serviceaccount:${each.namespace}:${each.serviceAccount}`, each]),
  );
  return log.split('\n').flatMap((line) => {
    const event = line === '' ? undefined : (JSON.parse(line) as AuditEvent);
    const account = event && accounts.get(event.user.username);
    // Without an object: what kubectl asks of the API itself, which everybody may.
    if (!account || !event.objectRef?.namespace) return [];
    const { resource, subresource, name, apiGroup = '', namespace } = event.objectRef;
    return {
      namespace,
      identity: account.identity,
      group: apiGroup,
      resource: subresource === undefined ? resource : `${resource}/${subresource}`,
      verb: event.verb,
      name,
      isDenied: event.annotations?.['authorization.k8s.io/decision'] === 'forbid',
    };
  });
}

/** Rules by identity, of the Roles that the constructs make. */
function grants(objects: readonly KubernetesObject[]): Map<string, Rule[]> {
  const found = new Map<string, Rule[]>();
  for (const { kind, metadata, rules } of objects) {
    if (kind !== 'Role') continue;
    const identity = metadata.name === 'tempo-restore-starter' ? ON_CALL : metadata.name.replace(/^tempo-/, '');
    found.set(identity, [...(found.get(identity) ?? []), ...(rules as Rule[])]);
  }
  return found;
}

async function allObjects(): Promise<KubernetesObject[]> {
  const { publicKey } = await newEncryptionKey();
  return runnerObjects({
    namespace: 'any',
    image: 'any:1',
    repository: { endpoint: 'http://any:1', bucket: 'any', region: 'any' },
    credentials: { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' },
    recipient: publicKey,
    volumeSnapshotClass: 'any',
  });
}

function permits({ apiGroups, resources, verbs, resourceNames }: Rule, call: Call): boolean {
  const isNamed = resourceNames === undefined || resourceNames.includes(call.name ?? '');
  // Volume snapshots are tried on claims of other names, too.
  const isFree = call.identity === 'snapshot';
  return (
    apiGroups.includes(call.group) &&
    resources.includes(call.resource) &&
    verbs.includes(call.verb) &&
    (isNamed || isFree)
  );
}

function rightsOf(
  identity: string,
  { apiGroups: [group = ''], resources: [resource = ''], verbs, resourceNames = [''] }: Rule,
): string[] {
  return verbs.flatMap((verb) => resourceNames.map((name) => text({ identity, group, resource, verb, name })));
}

/** Creation and lists are of no name; a right to all names is used by a call of any. */
function isMade(made: ReadonlySet<string>, right: string): boolean {
  return made.has(right) || [...made].some((each) => each.startsWith(`${right} `));
}

function texts(calls: readonly Call[]): string[] {
  return [...new Set(calls.map((call) => text({ ...call, name: call.name ?? '' })))].sort();
}

function text({
  identity,
  group,
  resource,
  verb,
  name,
}: { readonly [K in 'identity' | 'group' | 'resource' | 'verb' | 'name']: string }): string {
  return `${identity} ${verb} ${group === '' ? '' : `${group}/`}${resource} ${name}`.trim();
}

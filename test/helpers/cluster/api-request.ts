import type { IncomingMessage } from 'node:http';
import type { KubernetesRight, KubernetesVerb } from '../../../lib/contract/kubernetes-rights';

/** A call as the API server's audit log names it. */
export interface RecordedCall {
  readonly verb: KubernetesVerb;
  readonly group: string;
  /** Plural, with subresource: `pods/log`. */
  readonly resource: string;
  /** Absent for lists and creation. */
  readonly name?: string;
  readonly namespace: string;
  readonly dryRun: boolean;
  /** Of a patch. */
  readonly contentType?: string;
}

const VERBS: Readonly<Record<string, KubernetesVerb>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** What a request asks for; undefined when its path is none of a namespaced object. */
export function readRequest(
  { method = '', url = '', headers }: IncomingMessage,
  body: unknown,
): RecordedCall | undefined {
  const { pathname, searchParams } = new URL(url, 'http://double');
  const match = /^\/(?:api|apis\/([^/]+))\/[^/]+\/namespaces\/([^/]+)\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?$/.exec(
    pathname,
  );
  const verb = VERBS[method];
  if (!match || !verb) return undefined;
  const [, group = '', namespace = '', plural = '', name, subresource] = match;
  return {
    verb: verb === 'get' && name === undefined ? 'list' : verb,
    group,
    resource: subresource === undefined ? plural : `${plural}/${subresource}`,
    ...(name === undefined ? {} : { name: decodeURIComponent(name) }),
    namespace: decodeURIComponent(namespace),
    dryRun: verb === 'delete' && body ? asksDryRun(body) : searchParams.get('dryRun') === 'All',
    ...(verb === 'patch' ? { contentType: headers['content-type'] ?? '' } : {}),
  };
}

/** As the server does: where a deletion has a body, its query counts for nothing. */
function asksDryRun(body: unknown): boolean {
  return (body as { dryRun?: readonly string[] }).dryRun?.includes('All') ?? false;
}

/** Whether one of the rights permits the call, as RBAC decides. */
export function isPermitted(call: RecordedCall, rights: readonly KubernetesRight[]): boolean {
  return rights.some(
    ({ group, resource, verbs, names }) =>
      group === call.group &&
      resource === call.resource &&
      verbs.includes(call.verb) &&
      // A list of one object by a field selector counts as nameless here: the runner makes none.
      (names === undefined || (call.name !== undefined && names.includes(call.name))),
  );
}

/** Whether labels match a selector of equalities: `a=b,c!=d,e,!f`. */
export function matchesSelector(labels: Readonly<Record<string, string>>, selector: string): boolean {
  return selector.split(',').every((term) => {
    const [, not, name = '', operator, value] = /^(!?)([^=!]+?)(?:(==?|!=)(.*))?$/.exec(term.trim()) ?? [];
    if (operator === undefined) return name in labels === (not === '');
    return (labels[name] === value) === (operator !== '!=');
  });
}

/** Whether an object matches a selector such as `involvedObject.name=tempo-0`. */
export function matchesFields(object: object, selector: string): boolean {
  const field = (path: string) =>
    path.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], object);
  return selector.split(',').every((term) => {
    const [path = '', value] = term.split('=');
    return field(path) === value;
  });
}

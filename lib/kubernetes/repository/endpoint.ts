import { literal } from '../private/checks/literal';

/** TCP port of a storage endpoint. Throws when it is no http or https URL, or holds credentials. */
export function portOfEndpoint(endpoint: string): number {
  const url = URL.canParse(literal('endpoint', endpoint)) ? new URL(endpoint) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new Error(`'endpoint' must be an http or https URL such as 'https://minio:9000', got '${endpoint}'`);
  if (url.username !== '' || url.password !== '')
    throw new Error("'endpoint' must hold no credentials, which would end up in a ConfigMap; pass 'credentials'");
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

import { askTempo } from '../../tempo/flush/tempo-http';

/** That something answers at Tempo's address, whatever it says: a Tempo that isn't ready yet runs, too. Undefined when nothing does. */
export async function answerOfTempo(url: string | undefined, signal: AbortSignal): Promise<string | undefined> {
  if (url === undefined) return undefined;
  const { status } = await askTempo(url, { method: 'GET', path: '/ready' }, signal);
  return status === undefined ? undefined : `'${url}/ready' ('tempo.url') answers with ${status}`;
}

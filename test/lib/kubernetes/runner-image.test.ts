import { RunnerImage } from '../../../lib/kubernetes/runner-image';
import { VERSION } from '../../../lib/kubernetes/private/version';
import { readSource } from '../../architecture/source-files';

describe('the image of the runner', () => {
  it('has the version of the package, and may come from the node', () => {
    const image = RunnerImage.fromRegistry('registry.acme.dev:5000/tempo-backup');
    expect(image).toEqual({
      reference: `registry.acme.dev:5000/tempo-backup:${VERSION}`,
      pullPolicy: 'IfNotPresent',
      pullSecrets: [],
    });
    expect(VERSION).toBe((JSON.parse(readSource('package.json')) as { version: string }).version);
  });

  it('takes tag, digest, pull policy and pull secrets', () => {
    const options = { tag: '1.4.0', pullPolicy: 'Always', pullSecrets: ['registry'] } as const;
    expect(RunnerImage.fromRegistry('r/t', options)).toEqual({
      reference: 'r/t:1.4.0',
      pullPolicy: 'Always',
      pullSecrets: ['registry'],
    });
    const digest = `sha256:${'ab'.repeat(32)}`;
    expect(RunnerImage.fromRegistry('r/t', { tag: '1', digest }).reference).toBe(`r/t:1@${digest}`);
  });

  it.each([
    ['r/t:1.4.0', "'name' must carry no tag or digest, got 'r/t:1.4.0'; pass '1.4.0' as 'tag' or 'digest'"],
    ['r/t@sha256:ab', "pass 'sha256:ab' as 'tag' or 'digest'"],
  ])('throws when its name is %s', (name, message) => {
    expect(() => RunnerImage.fromRegistry(name)).toThrow(message);
  });

  it.each([
    [{ tag: ':1.4' }, "'tag' must be the tag of an image such as '1.4.0', got ':1.4'"],
    [{ tag: '' }, "'tag' must not be empty"],
    [{ digest: 'sha256:ab' }, "'digest' must be 'sha256:' and 64 hexadecimal digits, got 'sha256:ab'"],
  ])('throws when there is no such image: %j', (options, message) => {
    expect(() => RunnerImage.fromRegistry('r/t', options)).toThrow(message);
  });
});

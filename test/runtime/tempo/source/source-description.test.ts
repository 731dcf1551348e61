import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceFolders } from '../../../../runtime/tempo/source/source-description';

let home: string;
beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'tempo-backup-folders-'))));
afterEach(() => rmSync(home, { recursive: true }));

it.each([
  ['/var/tempo/traces', '/var/tempo/wal', { home: '/var/tempo', tracesPath: 'traces', relativeWalPath: 'wal' }],
  [
    '/var/tempo/traces',
    '/var/tempo/live-store/traces',
    { home: '/var/tempo', tracesPath: 'traces', relativeWalPath: 'live-store/traces' },
  ],
  ['/data/blocks', '/wal', { home: '/', tracesPath: 'data/blocks', relativeWalPath: 'wal' }],
])('finds the folder that holds %s and %s', (path, walPath, found) => {
  expect(sourceFolders({ path, walPath })).toEqual({ path, walPath, ...found });
});

it('looks for the WAL beside the blocks, and for that of 3.0 first', () => {
  const storage = { path: join(home, 'traces') };
  expect(sourceFolders(storage)).toMatchObject({ walPath: undefined, relativeWalPath: null });
  mkdirSync(join(home, 'wal'));
  expect(sourceFolders(storage)).toMatchObject({ walPath: join(home, 'wal'), relativeWalPath: 'wal' });
  mkdirSync(join(home, 'live-store/traces'), { recursive: true });
  expect(sourceFolders(storage)).toMatchObject({ relativeWalPath: 'live-store/traces' });
});

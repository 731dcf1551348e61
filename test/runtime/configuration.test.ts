import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfiguration } from '../../runtime/configuration';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'configuration-'));
  file = join(folder, 'tempo-backup.yaml');
});
afterEach(() => rmSync(folder, { recursive: true }));

function configured(repository: string, tempo = '{ storage: { backend: local, path: /var/tempo/traces } }'): void {
  writeFileSync(file, `tempo: ${tempo}\nrepository: { url: "${repository}" }\n`);
}

describe('a URL that is none of a repository', () => {
  it("is blamed on '--repository' when that gave it", async () => {
    configured('file:///srv/backup');
    await expect(loadConfiguration(file, 'ftp://x')).rejects.toThrow(
      /^read '--repository': it must be the URL of a repository, got 'ftp:\/\/x'/,
    );
  });

  it('is blamed on the file when that says it', async () => {
    configured('ftp://x');
    await expect(loadConfiguration(file)).rejects.toThrow(`read configuration '${file}': 'repository.url' must be`);
  });

  it('hides no other mistake of the file', async () => {
    configured('file:///srv/backup', '{ storage: { backend: tape } }');
    await expect(loadConfiguration(file, 'file:///srv/other')).rejects.toThrow(`read configuration '${file}': 'tempo`);
  });
});

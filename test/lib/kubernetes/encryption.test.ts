import { Encryption } from '../../../lib/kubernetes/encryption';

const KEY = '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n';
const OTHER = KEY.replace('abc', 'def').trim();

describe('encryption to OpenPGP keys', () => {
  it('puts the public keys beside the configuration', () => {
    const encryption = Encryption.openPgp({ recipients: [KEY, OTHER] });
    expect(encryption._config).toEqual({
      recipients: ['/etc/tempo-backup/recipient-1.asc', '/etc/tempo-backup/recipient-2.asc'],
    });
    expect(encryption._files).toEqual({ 'recipient-1.asc': KEY, 'recipient-2.asc': `${OTHER}\n` });
    expect(encryption._mounts('restore')).toEqual([]);
  });

  it('mounts the private key where a restore is coordinated, and nowhere else', () => {
    const encryption = Encryption.openPgp({ recipients: [KEY], privateKey: { secret: 'key' } });
    expect(encryption._config.privateKeyFile).toBe('/keys/restore/private.asc');
    expect(encryption._config.privateKeyPassphraseFile).toBeUndefined();
    const items = [{ key: 'private.asc', path: 'private.asc' }];
    expect(encryption._mounts('restore')).toEqual([
      {
        volume: { name: 'private-key', secret: { secretName: 'key', items, optional: true } },
        path: '/keys/restore',
        readOnly: true,
      },
    ]);
    const others = ['backup', 'verify', 'prune', 'restore-mover', 'snapshot'] as const;
    expect(others.flatMap((identity) => encryption._mounts(identity))).toEqual([]);
  });

  it('takes other keys of the Secret, and a passphrase of the private key', () => {
    const privateKey = { secret: 'key', key: 'k.asc', passphraseKey: 'p' };
    const encryption = Encryption.openPgp({ recipients: [KEY], privateKey });
    expect(encryption._config.privateKeyPassphraseFile).toBe('/keys/restore/passphrase');
    expect(encryption._mounts('restore')[0]?.volume.secret?.items).toEqual([
      { key: 'k.asc', path: 'private.asc' },
      { key: 'p', path: 'passphrase' },
    ]);
  });

  it('throws when there is no recipient, or one that is no public key', () => {
    expect(() => Encryption.openPgp({ recipients: [] })).toThrow(
      "'recipients' must hold at least one armored OpenPGP public key, got none",
    );
    expect(() => Encryption.openPgp({ recipients: [KEY, 'platform@acme.dev'] })).toThrow(
      "'recipients[1]' must be an armored OpenPGP public key; export the public one with 'gpg --armor --export NAME'",
    );
  });

  it('throws when a recipient is a private key, without repeating it', () => {
    const secret = KEY.replaceAll('PUBLIC', 'PRIVATE');
    const attempt = () => Encryption.openPgp({ recipients: [secret] });
    expect(attempt).toThrow("'recipients[0]' is a private key, which must never lie in a manifest");
    expect(attempt).not.toThrow('abc');
  });
});

describe('encryption with a passphrase', () => {
  it('mounts the Secret where Secrets are written and read', () => {
    const encryption = Encryption.passphrase('backup-passphrase');
    expect([encryption._config, encryption._files]).toEqual([{ passphraseFile: '/keys/passphrase/passphrase' }, {}]);
    const items = [{ key: 'passphrase', path: 'passphrase' }];
    const mount = {
      volume: { name: 'passphrase', secret: { secretName: 'backup-passphrase', items } },
      path: '/keys/passphrase',
      readOnly: true,
    };
    expect([encryption._mounts('backup'), encryption._mounts('restore')]).toEqual([[mount], [mount]]);
    const others = ['verify', 'prune', 'restore-mover', 'snapshot'] as const;
    expect(others.flatMap((identity) => encryption._mounts(identity))).toEqual([]);
  });

  it('takes another key of the Secret', () => {
    const [mount] = Encryption.passphrase('s', { key: 'word' })._mounts('backup');
    expect(mount?.volume.secret?.items).toEqual([{ key: 'word', path: 'passphrase' }]);
  });
});

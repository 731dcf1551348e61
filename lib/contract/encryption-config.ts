import { z } from 'zod';

const file = (example: string) => z.string().regex(/^\//, `must be an absolute path, such as '${example}'`);

export const encryptionSchema = z.strictObject({
  recipients: z
    .array(file('/keys/platform.asc'))
    .default([])
    .describe(
      'Files with OpenPGP public keys, armored or binary: each of their owners can read the Secrets of a recovery point.',
    ),
  passphraseFile: file('/keys/passphrase')
    .optional()
    .describe('File whose first line is a passphrase that can read them too (AES-256). Absent: recipients only.'),
  privateKeyFile: file('/keys/restore.asc')
    .optional()
    .describe(
      'File with the OpenPGP private key that a restore reads Secrets with; a backup never needs it. Absent: Secrets are read with the passphrase.',
    ),
  privateKeyPassphraseFile: file('/keys/restore-passphrase')
    .optional()
    .describe('File whose first line is the passphrase of that private key. Absent: the key has none.'),
});

/** How Secrets are encrypted and decrypted. */
export type EncryptionConfig = z.output<typeof encryptionSchema>;

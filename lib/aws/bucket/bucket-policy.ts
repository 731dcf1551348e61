import type { PolicyStatement } from '../bucket-grants';

/** Refuses whoever doesn't come by TLS, or by too old a version of it. */
export function tlsStatements(bucketArn: string, minimumVersion: string): PolicyStatement[] {
  const everything = {
    Effect: 'Deny',
    Principal: '*',
    Action: 's3:*',
    Resource: [bucketArn, `${bucketArn}/*`],
  } as const;
  return [
    { Sid: 'TlsOnly', ...everything, Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
    {
      Sid: 'MinimumTlsVersion',
      ...everything,
      Condition: { NumericLessThan: { 's3:TlsVersion': minimumVersion } },
    },
  ];
}

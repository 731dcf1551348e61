interface KeyPolicy {
  readonly Statement: readonly { readonly Sid: string; readonly Principal: { readonly AWS: string } }[];
}

/** The policy of a key, as the double of KMS in the region of the key has it. */
export async function readKeyPolicy(endpoint: string, keyArn: string): Promise<KeyPolicy> {
  // The double reads service and region from the signature, which it doesn't check.
  const credential = `Credential=double/20260101/${keyArn.split(':')[3] ?? ''}/kms/aws4_request`;
  const headers = {
    'content-type': 'application/x-amz-json-1.1',
    'x-amz-target': 'TrentService.GetKeyPolicy',
    authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host, Signature=0`,
  };
  const body = JSON.stringify({ KeyId: keyArn, PolicyName: 'default' });
  const answer = await fetch(endpoint, { method: 'POST', headers, body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status} ${text}`);
  return JSON.parse((JSON.parse(text) as { Policy: string }).Policy) as KeyPolicy;
}

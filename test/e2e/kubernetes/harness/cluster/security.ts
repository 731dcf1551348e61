/** User and group of Tempo's image and of the runner's. */
export const TEMPO_UID = 10001;

/** What the *restricted* profile asks of a pod. */
export const POD_SECURITY = {
  runAsNonRoot: true,
  runAsUser: TEMPO_UID,
  runAsGroup: TEMPO_UID,
  seccompProfile: { type: 'RuntimeDefault' },
};

/** What it asks of a container, and a root file system that can't be written. */
export const CONTAINER_SECURITY = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

export const RESTRICTED_LABELS = {
  'pod-security.kubernetes.io/enforce': 'restricted',
  'pod-security.kubernetes.io/warn': 'restricted',
};

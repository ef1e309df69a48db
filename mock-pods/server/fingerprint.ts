/** Eight hex digits that are the same for the same text: vLLM's fingerprint is a hash of the server's configuration. */
export function fingerprint(text: string): string {
  return fnv1a(text).toString(16).padStart(8, "0");
}

/** FNV-1a, 32 bits. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** How a pod without a port fails to connect: fetch's TypeError, and in its cause the code that a socket would give. */
export function connectionRefused(): TypeError {
  return connectionError("connection refused by the pod", "ECONNREFUSED");
}

export function connectionReset(why = "connection reset by the pod"): TypeError {
  return connectionError(why, "ECONNRESET");
}

function connectionError(message: string, code: string): TypeError {
  return new TypeError(message, { cause: Object.assign(new Error(`${code}: ${message}`), { code }) });
}

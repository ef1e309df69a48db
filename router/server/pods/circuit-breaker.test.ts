import { expect, it } from "vitest";
import { CircuitBreaker } from "./circuit-breaker.ts";

const breaker = (): CircuitBreaker => new CircuitBreaker({ failures: 3, openMs: 1000 });

function open(subject: CircuitBreaker): void {
  for (let count = 0; count < 3; count++) subject.failed(0);
}

it("opens at the third failure in a row and not before", () => {
  const subject = breaker();
  subject.failed(0);
  subject.failed(0);
  expect(subject.allows(0)).toBe(true);
  subject.failed(0);
  expect(subject.allows(0)).toBe(false);
});

it("does not open for failures with successes between", () => {
  const subject = breaker();
  for (let count = 0; count < 20; count++) {
    subject.failed(0);
    subject.failed(0);
    subject.succeeded();
  }
  expect(subject.allows(0)).toBe(true);
});

it("still opens when client errors come between the failures", () => {
  const subject = breaker();
  for (let count = 0; count < 3; count++) {
    subject.failed(0);
    subject.neutral();
  }
  expect(subject.allows(0)).toBe(false);
});

it("lets one trial through after its rest, and all once that succeeded", () => {
  const subject = breaker();
  open(subject);
  expect(subject.allows(999)).toBe(false);
  expect(subject.allows(1000)).toBe(true);
  subject.dispatched();
  expect(subject.allows(1000)).toBe(false);
  subject.succeeded();
  expect(subject.allows(1000)).toBe(true);
});

it("rests twice as long after a failed trial, and lets another through when a trial said nothing", () => {
  const subject = breaker();
  open(subject);
  subject.dispatched();
  subject.failed(1000);
  expect(subject.allows(2999)).toBe(false);
  expect(subject.allows(3000)).toBe(true);
  subject.dispatched();
  subject.neutral();
  expect(subject.allows(3000)).toBe(true);
});

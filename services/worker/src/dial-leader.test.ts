import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { dialLeader } from "./dial-leader.js";
import type { FleetConnection } from "./fleet-client.js";

/** Coordinators by address: what each says to whoever dials it. */
type House = Readonly<Record<string, () => Promise<FleetConnection>>>;

const refuses = (leader?: string) => async (): Promise<never> => {
  throw new ClusterError("unavailable", "another one leads", {
    details: leader === undefined ? {} : { leader },
  });
};

function house(coordinators: House, names: Readonly<Record<string, readonly string[]>> = {}) {
  const clock = new ManualClock();
  const dialled: string[] = [];
  const deps = {
    clock,
    resolve: async (endpoint: string) =>
      (names[endpoint] ?? [endpoint]).map((address) => ({ address, host: "name" })),
    dialAt:
      ({ address }: { readonly address: string }) =>
      () => {
        dialled.push(address);
        return (coordinators[address] ?? refuses())();
      },
  };
  return { clock, dialled, dial: (...endpoints: string[]) => dialLeader(deps, endpoints) };
}

const connection = {} as FleetConnection;
const leads = async (): Promise<FleetConnection> => connection;

describe("dialLeader", () => {
  it("asks all addresses of all endpoints in turn until one takes it", async () => {
    const { dial, dialled } = house({ "c:1": leads }, { "name:1": ["a:1", "b:1"] });
    assert.equal(await dial("name:1", "c:1")(neverAborts), connection);
    assert.deepEqual(dialled, ["a:1", "b:1", "c:1"]);
  });

  it("goes where a refusal says that the leader is, also when it was not told of that address", async () => {
    const { dial, dialled } = house({ "a:1": refuses("z:9"), "z:9": leads });
    await dial("a:1", "b:1")(neverAborts);
    assert.deepEqual(dialled, ["a:1", "z:9"]);
  });

  it("comes back first to where it was, and asks nobody twice", async () => {
    const lost = { ...connection };
    const answers = [async () => lost, refuses("a:1")];
    const { dial, dialled } = house({ "a:1": refuses("b:1"), "b:1": () => (answers.shift() ?? leads)() });
    const again = dial("a:1", "b:1");
    assert.equal(await again(neverAborts), lost);
    await assert.rejects(again(neverAborts), /another one leads/);
    assert.equal(await again(neverAborts), connection);
    assert.deepEqual(dialled, ["a:1", "b:1", "b:1", "a:1", "a:1", "b:1"]);
  });

  it("goes on without one that does not answer", async () => {
    const clock = new ManualClock();
    const deps = { clock, resolve: async (address: string) => [{ address, host: "h" }] };
    const dialAt =
      ({ address }: { readonly address: string }) =>
      (signal: AbortSignal) =>
        address === "a:1"
          ? new Promise<never>((_, no) => signal.addEventListener("abort", () => no(signal.reason)))
          : leads();
    const taken = dialLeader({ ...deps, dialAt }, ["a:1", "b:1"])(neverAborts);
    await clock.advance(3_000);
    assert.equal(await taken, connection);
  });

  it("stops at what every coordinator would say", async () => {
    const { dial, dialled } = house({
      "a:1": async () => {
        throw new ClusterError("incompatible_version", "too old");
      },
    });
    await assert.rejects(dial("a:1", "b:1")(neverAborts), /too old/);
    assert.deepEqual(dialled, ["a:1"]);
  });

  it("says what the last one said, and tries on when a name cannot be resolved", async () => {
    const { clock } = house({});
    const dial = dialLeader(
      {
        clock,
        dialAt: () => refuses(),
        resolve: async (address) => {
          if (address === "a:1") throw new ClusterError("unavailable", "no such name");
          return [{ address, host: "h" }];
        },
      },
      ["a:1", "b:1"],
    );
    await assert.rejects(dial(neverAborts), /another one leads/);
  });
});

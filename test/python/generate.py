"""A client of Cogfleet made by protoc from the protos, as any Python user would make one.

usage: generate.py PROTO_DIR GENERATED_DIR HOST:PORT submit|cancel

submit: submits, watches and downloads; prints one JSON line with what it saw.
cancel: submits and cancels; prints the states that the watch saw.
"""

import hashlib
import json
import subprocess
import sys

proto_dir, generated_dir, address, what = sys.argv[1:]
subprocess.run(
    [sys.executable, "-m", "grpc_tools.protoc", f"-I{proto_dir}", f"--python_out={generated_dir}",
     f"--grpc_python_out={generated_dir}", "cogfleet/v1/generation.proto"],
    check=True,
)
sys.path.insert(0, generated_dir)

import grpc  # noqa: E402
from cogfleet.v1 import generation_pb2 as pb  # noqa: E402
from cogfleet.v1 import generation_pb2_grpc as rpc  # noqa: E402

with grpc.insecure_channel(address) as channel:
    client = rpc.GenerationStub(channel)
    job = client.Submit(pb.SubmitRequest(prompt="a red circle", seed=0, num_inference_steps=2))
    assert job.request.HasField("seed") and job.request.seed == 0
    if what == "cancel":
        client.Cancel(pb.CancelRequest(job_id=job.id))
    events = list(client.Watch(pb.WatchRequest(job_id=job.id)))
    seen = {
        "states": [pb.JobState.Name(event.state) for event in events],
        "sequences": [event.sequence for event in events],
    }
    if what == "submit":
        chunks = client.Download(pb.DownloadRequest(job_id=job.id))
        video = b"".join(chunk.data for chunk in chunks)
        done = client.Get(pb.GetRequest(job_id=job.id))
        seen["sha256"] = hashlib.sha256(video).hexdigest()
        seen["announced"] = done.artifact.sha256
    try:
        client.Submit(pb.SubmitRequest(prompt=" "))
    except grpc.RpcError as error:
        seen["refusal"] = [error.code().name, error.details()]
    print(json.dumps(seen))

"""The same image endpoints as LitServe's own guide writes them.

Run: python service_rival.py PORT [stream]
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import litserve

HERE = Path(__file__).parents[1]
sys.path[:0] = [str(HERE / "service"), str(HERE.parent)]


class Draw(litserve.LitAPI):
    def setup(self, device):
        import torch
        from test_sampling import tiny

        torch.set_grad_enabled(False)
        self.generator = tiny()

    def decode_request(self, request):
        from synthaug.provenance import latent_seed

        return latent_seed(request["seed"], "dark", 0)

    def batch(self, inputs):
        return list(inputs)

    def predict(self, seeds):
        generator = self.generator
        latents = generator.latents(seeds)
        return generator.render(latents, [0] * len(seeds), together=True)

    def unbatch(self, output):
        return list(output)

    def encode_response(self, image):
        data = image.permute(1, 2, 0).contiguous().numpy().tobytes()
        return {"data": base64.b64encode(data).decode()}


class Stream(litserve.LitAPI):
    def setup(self, device):
        Draw.setup(self, device)

    def predict(self, request):
        from synthaug.provenance import latent_seed

        for first in range(0, request["count"], 8):
            seeds = [latent_seed(0, "dark", index) for index in range(first, first + 8)]
            generator = self.generator
            latents = generator.latents(seeds)
            yield generator.render(latents, [0] * len(seeds), together=True)

    def encode_response(self, output):
        for images in output:
            data = images.permute(0, 2, 3, 1).contiguous().numpy().tobytes()
            yield {"data": base64.b64encode(data).decode()}


if __name__ == "__main__":
    if sys.argv[2:] == ["stream"]:
        api = Stream(stream=True)
    else:
        api = Draw(max_batch_size=64, batch_timeout=0.002)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[1]), host="127.0.0.1", generate_client_file=False)

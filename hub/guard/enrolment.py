"""Where a server that has only a code gets its token: the gRPC shell around `codes`.

Enters: a code's secret, from anybody who reaches the gRPC address. Leaves: the server's id, a new
token and the hub's CA, or a refusal. What always holds: a code works once; the token works as soon
as the answer is there; who tries too many wrong ones must wait; no code and no token is logged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio
import structlog
from hopwatch.v1 import ingest_pb2 as pb
from hopwatch.v1 import ingest_pb2_grpc

from hub.config import ConfigError, HubConfig
from hub.defaults import CODE_ATTEMPTS, CODE_WINDOW_S, MAX_LOGIN_ADDRESSES
from hub.guard.agent_access import peer_address
from hub.guard.attempts import Attempts
from hub.guard.codes import UnusableCode, redeem
from hub.guard.enroll import EnrollError, new_token, own_ca

SERVICE = "hopwatch.v1.Enrolment"
AGAIN = "; `hopwatch-hub enroll SERVER --code` makes a new one"
logger = structlog.get_logger("hub")


class EnrolmentServicer(ingest_pb2_grpc.EnrolmentServicer):
    """Redeems codes. `reload` makes the hub take the token that was made."""

    def __init__(self, config: HubConfig, reload: Callable[[], None]) -> None:
        self._config = config
        self._reload = reload
        self._attempts = Attempts(CODE_ATTEMPTS, CODE_WINDOW_S, MAX_LOGIN_ADDRESSES)

    def __call__(self, server: grpc.aio.Server) -> None:
        add_to_server: Any = ingest_pb2_grpc.add_EnrolmentServicer_to_server
        add_to_server(self, server)

    async def Enroll(
        self, request: pb.Redemption, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.Enrolled:
        """A token for a code."""
        address = peer_address(context.peer()) or "this machine"
        if wait_s := self._attempts.wait_s(address, time.monotonic()):
            reason = f"too many wrong codes; try again in {wait_s:.0f} s"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, reason)
        # Counted before the answer is known: many at once are as many as one after the other.
        self._attempts.failed(address, time.monotonic())
        try:
            answer = await asyncio.to_thread(self._redeemed, request.secret)
        except UnusableCode as error:
            logger.warning("enrolment refused", peer=address, reason=str(error))
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, f"{error}{AGAIN}")
            raise
        except (ConfigError, EnrollError, OSError) as error:
            logger.error("enrolment failed", peer=address, reason=str(error))
            reason = "the hub cannot make a token; its log says why"
            await context.abort(grpc.StatusCode.INTERNAL, reason)
            raise
        self._attempts.succeeded(address)
        self._reload()
        logger.info("server enrolled", server=answer.server, peer=address)
        return answer

    def _redeemed(self, secret: bytes) -> pb.Enrolled:
        server = redeem(self._config, secret, time.time())
        ca = own_ca(self._config)
        return pb.Enrolled(server=server, token=new_token(self._config, server), ca=ca or b"")

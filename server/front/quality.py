"""QualityService: jobs that judge, and reports."""

from __future__ import annotations

from google.longrunning import operations_pb2

from synthaug.v1 import quality_pb2, quality_pb2_grpc
from synthaug_server.front.boundary import Call
from synthaug_server.front.orders import check_evaluate
from synthaug_server.front.stores import Stores
from synthaug_server.front.submitting import Submitter
from synthaug_server.names import identifier_in

__all__ = ["QualityServicer"]


class QualityServicer(quality_pb2_grpc.QualityServiceServicer):
    """See protos/synthaug/v1/quality.proto.

    Args:
        submitter: takes in jobs.
        stores: what is kept.
    """

    def __init__(self, submitter: Submitter, stores: Stores) -> None:
        self._submitter = submitter
        self._stores = stores

    async def EvaluateQuality(  # noqa: N802
        self, request: quality_pb2.EvaluateQualityRequest, call: Call
    ) -> operations_pb2.Operation:
        """Take in a job."""
        return await self._submitter.submit("evaluate", request, check_evaluate(request), call)

    async def GetReport(  # noqa: N802
        self, request: quality_pb2.GetReportRequest, call: Call
    ) -> quality_pb2.GetReportResponse:
        """The report of a job."""
        identifier = identifier_in(request.name, "reports", "name")
        report = await self._stores.ask(self._stores.results.report, identifier, call.caller.owner)
        return quality_pb2.GetReportResponse(report=report)

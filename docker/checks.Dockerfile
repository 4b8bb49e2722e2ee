# The image and what tests/hostile needs beside it; scripts/image-check builds it, nobody else.
ARG IMAGE
FROM ${IMAGE}
USER root
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-venv
COPY constraints.txt /source/
RUN python3 -m venv /opt/pip \
 && PIP_CONSTRAINT=/source/constraints.txt /opt/pip/bin/python -m pip --python /opt/grader/.venv/bin/python \
      install --quiet --no-cache-dir hypothesis psutil pytest
USER 10001:10001
WORKDIR /opt/grader
ENTRYPOINT ["tini", "--", "python", "-m", "pytest"]

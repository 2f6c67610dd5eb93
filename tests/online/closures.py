"""Names that closures start from: what much of the world installs, and families known to overlap or to be made by hand."""

ROOTS = """
aiobotocore aiohttp airflow-client alembic altair ansible ansible-core anthropic anyio apache-airflow apache-beam argcomplete arrow asgiref
astropy asyncpg atlassian-python-api attrs autobahn awscli awswrangler azure-cli azure-cosmos azure-identity azure-mgmt-compute
azure-mgmt-storage azure-storage-blob babel bandit basemap bcrypt beautifulsoup4 behave bitsandbytes black bleach bokeh boto3 bottle
cachecontrol cartopy catboost celery certbot cffi chainlit channels cherrypy chromadb click cloudpickle coloredlogs confluent-kafka connexion
cookiecutter coverage cryptography cvxpy cython dagster dash dask databricks-cli databricks-sdk datadog datasets dbt-core dbt-postgres deepdiff
delta-spark devpi-client diffusers distributed django django-debug-toolbar django-filter djangorestframework dnspython docker docutils
dvc elasticsearch eventlet fabric faker fastapi fastavro fastparquet fiona flake8 flask flask-admin flask-appbuilder flask-sqlalchemy
flower folium frictionless gensim geopandas gevent gitpython google-api-python-client google-cloud-aiplatform google-cloud-bigquery
google-cloud-pubsub google-cloud-storage graphene great-expectations gradio greenlet grpcio grpcio-tools gunicorn h2o h5py holoviews
httpie httpx huggingface-hub hypothesis ibis-framework imageio influxdb-client invoke ipython ipywidgets isort jax jinja2 jira joblib
jsonschema jupyter jupyterlab kafka-python keras keyring kivy kombu kubernetes langchain langchain-openai ldap3 librosa lightgbm litellm
llama-index llvmlite locust luigi lxml mako markdown marshmallow matplotlib mkdocs mkdocs-material mlflow moto mypy mysql-connector-python
mysqlclient napalm nbconvert netmiko networkx nibabel nltk notebook numba numpy oauthlib onnx onnxruntime openai opencv-python
opencv-python-headless openpyxl opentelemetry-distro optuna orjson oslo-config packaging pandas paramiko patsy peewee pendulum pillow
pipenv plotly poetry polars pre-commit prefect prometheus-client prompt-toolkit proselint protobuf psutil psycopg psycopg2-binary pulumi
py-spy pyarrow pycryptodome pydantic pydata-sphinx-theme pygame pygithub pyinstaller pyjwt pylint pymc pymongo pymssql pymysql pynacl
pyopenssl pyproj pyqt5 pyro-ppl pyserial pyside6 pysnmp pyspark pytest pytest-cov pytest-django pytest-xdist python-docx python-jose
python-telegram-bot pytorch-lightning pywavelets pyyaml pyzmq qiskit rasa rasterio ray redis reportlab requests rich robotframework rq
ruff s3fs sagemaker salt sanic scikit-image scikit-learn scipy scrapy seaborn selenium sentry-sdk sentry-cli setuptools shap shapely
simple-salesforce slack-sdk snowflake-connector-python snowflake-sqlalchemy snowpark spacy sphinx sphinx-rtd-theme sqlalchemy sqlfluff
sqlmodel starlette statsmodels streamlit superset sympy tensorboard tensorflow-cpu textual tornado towncrier tox tqdm transformers
trio twilio twine twisted typer uvicorn virtualenv vllm waitress wandb weasyprint werkzeug wheel whitenoise wtforms xarray xgboost
xlsxwriter yapf yfinance zarr zope-interface zope-component zeep zstandard zappa zipp
""".split()

"""The browser's interface and HTTP: `deltarule serve`.

It needs Starlette and uvicorn: `pip install 'deltarule[serve]'`. Nothing imports this package; the shell loads
`deltarule.web.command` by its name.
"""

